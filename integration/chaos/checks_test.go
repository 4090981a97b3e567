package chaos

import (
	"bufio"
	"strings"
	"testing"
	"time"
)

func believes(follower string, epoch uint64, from, to int) belief {
	return belief{follower, "s", epoch, time.Duration(from) * time.Millisecond, time.Duration(to) * time.Millisecond}
}

func TestBeliefsOfTwoFollowers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beliefs []belief
		broken  bool
	}{
		"one after the other":     {[]belief{believes("a", 1, 0, 10), believes("b", 2, 10, 20)}, false},
		"the same one again":      {[]belief{believes("a", 1, 0, 10), believes("a", 1, 15, 20)}, false},
		"both at once":            {[]belief{believes("a", 1, 0, 10), believes("b", 2, 9, 20)}, true},
		"one within the other":    {[]belief{believes("a", 1, 0, 100), believes("a", 1, 5, 6), believes("b", 2, 50, 60)}, true},
		"an epoch that came back": {[]belief{believes("a", 2, 0, 10), believes("b", 1, 20, 30)}, true},
	} {
		var found findings
		if checkBeliefs(c.beliefs, &found); (len(found) > 0) != c.broken {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestAFollowerKeepsTheRules(t *testing.T) {
	t.Parallel()
	now := time.Duration(0)
	f := newFollower("node-1", "", func() time.Duration { return now })
	defer f.http.CloseIdleConnections()
	stream := "event: snapshot\ndata: {\"watcher\":\"w\",\"until\":\"" + time.Now().Add(time.Hour).Format(time.RFC3339Nano) +
		"\",\"assignments\":[{\"id\":\"x\",\"epoch\":3}]}\n\n:a comment\nevent: assigned\ndata: {\"id\":\"y\",\"epoch\":1}\n\nevent: revoked\ndata: {\"id\":\"x\",\"epoch\":3}\n\n"
	r := bufio.NewReader(strings.NewReader(stream))
	names := ""
	for range 3 {
		e, err := nextEvent(r)
		if err != nil {
			t.Fatal(err)
		}
		now += time.Second
		names += e.name + " "
		f.take(e.name, e.data)
	}
	if names != "snapshot assigned revoked " || len(f.holds) != 1 || f.watcher != "w" {
		t.Fatalf("%s: holds %v", names, f.holds)
	}
	now = 2 * time.Hour // long past what was valid
	f.dropAll()
	for _, b := range f.past {
		if b.Session == "y" && b.To > time.Hour+time.Minute || b.Session == "x" && b.To != 3*time.Second {
			t.Errorf("believed %+v", b)
		}
	}
	if len(f.past) != 2 {
		t.Errorf("believed %v", f.past)
	}
}
