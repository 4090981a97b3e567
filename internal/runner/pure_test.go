package runner

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAChildsTimeEndsBeforeTheNodesDoes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct{ length, grace, term, kill time.Duration }{
		"as a node does by default": {4 * time.Second, 5 * time.Second, 3 * time.Second, 3500 * time.Millisecond},
		"a short grace":             {4 * time.Second, 100 * time.Millisecond, 3400 * time.Millisecond, 3500 * time.Millisecond},
		"a fast node":               {800 * time.Millisecond, time.Second, 600 * time.Millisecond, 700 * time.Millisecond},
		"a day":                     {24 * time.Hour, time.Second, 24*time.Hour - 1500*time.Millisecond, 24*time.Hour - 500*time.Millisecond},
		"over":                      {-time.Second, time.Second, -time.Second, -time.Second},
	} {
		l := limitsOf(now, now.Add(c.length), c.grace)
		require.Equal(t, []time.Duration{c.term, c.kill}, []time.Duration{l.Term.Sub(now), l.Kill.Sub(now)}, name)
	}
}

func TestARevokedChildIsKilledWithTimeToSpare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		left := time.Duration(rapid.Int64Range(-int64(time.Minute), int64(time.Minute)).Draw(t, "left"))
		grace := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "grace"))
		kill, settled := killBy(now, now.Add(left), grace), settleBy(now, now.Add(left))
		if left <= 0 {
			require.Equal(t, now, kill)
			return
		}
		require.False(t, kill.Before(now) || kill.After(now.Add(grace)))
		require.False(t, kill.After(settled) || settled.After(now.Add(left)))
		require.GreaterOrEqual(t, now.Add(left).Sub(kill), min(left/4, mostForAck))
	})
}

func TestPausesGrowAndDiffer(t *testing.T) {
	t.Parallel()
	b := backoff{first: time.Second, most: 8 * time.Second}
	for _, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second, 8 * time.Second} {
		d := b.next()
		require.GreaterOrEqual(t, d, most/2-1)
		require.LessOrEqual(t, d, most)
	}
	b.reset()
	require.LessOrEqual(t, b.next(), time.Second)
}

func read(t *testing.T, r io.Reader) (lines []string) {
	t.Helper()
	require.NoError(t, readLines(r, func(text string) { lines = append(lines, text) }))
	return lines
}

func TestLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                    nil,
		"a":                   {"a"},
		"a\n":                 {"a"},
		"a\n\nb\r\n":          {"a", "", "b"},
		"\n":                  {""},
		"a\r\rb\n":            {"a\r\rb"},
		"caf\xc3\xa9\n\xff\n": {"café", "\ufffd"},
		"cut \xe2\x82":        {"cut \ufffd\ufffd"},
		"nul \x00\n":          {"nul \x00"},
	} {
		require.Equal(t, want, read(t, strings.NewReader(text)), "%q", text)
		require.Equal(t, want, read(t, iotest.OneByteReader(strings.NewReader(text))), "%q byte by byte", text)
	}
	require.ErrorIs(t, readLines(iotest.ErrReader(io.ErrClosedPipe), func(string) {}), io.ErrClosedPipe)
}

func TestALineOfExactlyAPieceIsOne(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{MaxText - 1: 1, MaxText: 1, MaxText + 1: 2, 2 * MaxText: 2, 2*MaxText + 1: 3} {
		lines := read(t, strings.NewReader(strings.Repeat("x", n)+"\n\nnext\n"))
		require.Len(t, lines, want+2, n)
		require.Equal(t, strings.Repeat("x", n), strings.Join(lines[:want], ""))
		require.Equal(t, []string{"", "next"}, lines[want:])
	}
}

// Whatever a command writes arrives in pieces that the API takes, none of it left out.
func TestEveryPieceFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"x", "\x00", "é", "€", "😀", "\"", "<&>", "\u2028", "a\xffb", "\xe2\x82"}).Draw(t, "unit")
		text := strings.Repeat(rapid.SampledFrom([]string{"", "x", "é"}).Draw(t, "shift")+unit, rapid.IntRange(1, 12_000).Draw(t, "times"))
		var all strings.Builder
		require.NoError(t, readLines(strings.NewReader(text+"\n"), func(piece string) {
			all.WriteString(piece)
			b, err := json.Marshal(piece)
			require.NoError(t, err)
			require.LessOrEqual(t, len(b), MaxText+2)
			require.LessOrEqual(t, len(b)-2, size(piece))
		}))
		require.Equal(t, string([]rune(text)), all.String())
	})
}

func TestAnInputIsOneLine(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`"plain"`: "plain", `""`: "", `"é\t<"`: "é\t<", `"two\nlines"`: `"two\nlines"`, `"cr\r"`: `"cr\r"`,
		`{ "a": [1, 2] }`: `{"a":[1,2]}`, "{\n\"a\":\n1}": `{"a":1}`, `17`: "17", `null`: "null", `true`: "true",
	} {
		require.Equal(t, want+"\n", string(line(json.RawMessage(data))), data)
	}
	require.Equal(t, 1, bytes.Count(line(json.RawMessage("no\njson")), []byte("\n")))
}

type tube struct{ room int }

func (p *tube) Write(b []byte) (int, error) {
	n := min(p.room, len(b))
	if p.room -= n; n < len(b) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// holds is a pipe with so many bytes.
func holds(n int) func() int { return func() int { return n } }

func TestThePositionIsWhatWasReadWhole(t *testing.T) {
	t.Parallel()
	p := position{after: "0"}
	p.begin()
	pipe := &tube{room: 12}
	for _, id := range []string{"1", "2", "3"} {
		_ = p.write(pipe, Input{id, json.RawMessage(`"1234"`)}) // 5 bytes each; the third is cut off
	}
	require.Equal(t, "3", p.next())
	require.Equal(t, "0", p.look(holds(12)))
	require.Equal(t, "0", p.look(holds(8)))
	require.Equal(t, "1", p.look(holds(7)))
	require.Equal(t, "1", p.look(holds(9)), "it does not go back")
	require.Equal(t, "2", p.look(holds(0)), "the third never came whole")
	p.begin()
	require.Equal(t, "2", p.next())
	p.skip("9")
	require.Equal(t, "9", p.look(holds(0)))
}

// busy is a pipe that takes what is written, and says so later.
type busy struct{ taken chan struct{} }

func (p busy) Write(b []byte) (int, error) {
	<-p.taken
	return len(b), nil
}

// An input that comes between the look into the pipe and the count was not seen there, and does not count as read.
func TestWhatIsWrittenMeanwhileWasNotRead(t *testing.T) {
	t.Parallel()
	p := position{after: "0"}
	p.begin()
	require.NoError(t, p.write(&tube{room: 5}, Input{"1", json.RawMessage(`"1234"`)}))
	pipe, written := busy{make(chan struct{})}, make(chan error, 1)
	go func() { written <- p.write(pipe, Input{"2", json.RawMessage(`"1234"`)}) }()
	for p.next() != "2" {
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, "1", p.look(func() int {
		close(pipe.taken)
		select {
		case err := <-written:
			written <- err
		case <-time.After(50 * time.Millisecond): // it waits for us
		}
		return 0
	}))
	require.NoError(t, await(t, "the write", written))
	require.Equal(t, "1", p.look(holds(5)))
}

func TestWhatComesTogetherIsPublishedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lines := make(chan Message)
		go func() {
			defer close(lines)
			for range batchMessages + 10 {
				lines <- Message{Text: "x"}
			}
			time.Sleep(linger + 1)
			lines <- Message{Text: "late"}
			lines <- Message{Text: strings.Repeat("y", batchBytes)}
			lines <- Message{Text: "z"}
		}()
		var sizes []int
		var next *Message
		for {
			if next == nil {
				m, ok := <-lines
				if !ok {
					break
				}
				next = &m
			}
			var batch []Message
			batch, next = collect(*next, lines)
			sizes = append(sizes, len(batch))
		}
		require.Equal(t, []int{batchMessages, 10, 1, 1, 1}, sizes)
	})
}

func TestAConfigurationIsJudgedWhole(t *testing.T) {
	t.Parallel()
	good := Defaults()
	good.Types, good.Path = []string{"agent"}, "/bin/true"
	require.NoError(t, good.Validate())
	for field, spoil := range map[string]func(*Config){
		"type is required": func(c *Config) { c.Types = nil }, "type must": func(c *Config) { c.Types = []string{""} },
		"command": func(c *Config) { c.Path = "" }, "workspace": func(c *Config) { c.Workspace = "x" }, "restart ": func(c *Config) { c.Restart = "x" },
		"max-failures": func(c *Config) { c.MaxFailures = -1 }, "max-children": func(c *Config) { c.MaxChildren = -1 },
		"grace": func(c *Config) { c.Grace = MaxGrace + 1 }, "shutdown-grace": func(c *Config) { c.ShutdownGrace = -1 },
		"restart-pause": func(c *Config) { c.FirstPause = MinPause - 1 }, "longest-pause": func(c *Config) { c.LongestPause = MaxPause + 1 },
		"record-every": func(c *Config) { c.RecordEvery = 0 },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), field)
	}
	_, err := New(Config{}, nil, nil)
	require.ErrorContains(t, err, "command")
	require.ErrorContains(t, err, "restart")
}
