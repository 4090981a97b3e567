package leash

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOrdersAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, o := range []order{{term: 1, kill: 2}, {term: -5, kill: 0}, {stop: true, kill: 1 << 62}} {
		got, err := parseOrder(o.String())
		require.NoError(t, err)
		require.Equal(t, o, got)
	}
	for _, bad := range []string{"", "until", "until 1", "until 1 x", "until 1 2 3", "stop", "stop 1 2", "stop 99999999999999999999", "go 1", "until 1.5 2"} {
		_, err := parseOrder(bad)
		require.Error(t, err, bad)
	}
}

func TestReportsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, r := range []Result{{Code: 0}, {Code: 3, Told: true}, {Code: 143, Signal: 15}, {Err: errors.New("start /x: no such file")}, {Err: errors.New("late"), Told: true}} {
		got, err := parseReport(reportEnd(r))
		require.NoError(t, err)
		require.Equal(t, r.String(), got.String())
		require.Equal(t, r.Told, got.Told)
	}
	several, err := parseReport(reportEnd(Result{Err: errors.New("a\nb")}))
	require.NoError(t, err)
	require.EqualError(t, several.Err, "a b")
	for _, bad := range []string{"", "ended", "ended 1", "ended 1 x true"} {
		_, err := parseReport(bad)
		require.Error(t, err, bad)
	}
}

func TestWhatIsDueFirst(t *testing.T) {
	t.Parallel()
	base := time.Now()
	at := func(i int64) time.Time { return base.Add(time.Duration(i)) }
	for name, c := range map[string]struct {
		orders []order
		told   bool
		kill   bool
		when   int64
	}{
		"to tell":                           {[]order{{term: 10, kill: 20}}, false, false, 10},
		"to kill, once told":                {[]order{{term: 10, kill: 20}}, true, true, 20},
		"no grace":                          {[]order{{term: 20, kill: 20}}, false, true, 20},
		"put off":                           {[]order{{term: 10, kill: 20}, {term: 30, kill: 40}}, false, false, 30},
		"put nearer":                        {[]order{{term: 30, kill: 40}, {term: 10, kill: 20}}, false, false, 10},
		"a stop's kill":                     {[]order{{term: 30, kill: 40}, {stop: true, kill: 20}}, true, true, 20},
		"a stop is no longer than time is":  {[]order{{term: 10, kill: 20}, {stop: true, kill: 90}}, true, true, 20},
		"a stop is not put off":             {[]order{{term: 10, kill: 20}, {stop: true, kill: 15}, {term: 90, kill: 99}}, true, true, 15},
		"the strictest stop counts":         {[]order{{term: 80, kill: 90}, {stop: true, kill: 50}, {stop: true, kill: 70}}, true, true, 50},
		"a stricter stop takes its place":   {[]order{{term: 80, kill: 90}, {stop: true, kill: 70}, {stop: true, kill: 50}}, true, true, 50},
		"an until gives a stop its time":    {[]order{{term: 10, kill: 20}, {stop: true, kill: 90}, {term: 40, kill: 60}}, true, true, 60},
		"told again is not told once more":  {[]order{{term: 10, kill: 20}, {term: 40, kill: 60}}, true, true, 60},
		"a stop is told at once, not later": {[]order{{term: 80, kill: 90}, {stop: true, kill: 50}, {term: 85, kill: 95}}, false, false, -1},
	} {
		var got times
		for _, o := range c.orders {
			got.take(o, base, at)
		}
		got.told = c.told
		kill, when := got.next()
		require.Equal(t, c.kill, kill, name)
		if c.when < 0 {
			require.False(t, when.After(base), name)
		} else {
			require.Equal(t, at(c.when), when, name)
		}
	}
}
