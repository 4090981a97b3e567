package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
)

// moves is a Move from a to b whose outcomes are kept.
type moves struct {
	Move

	told []error
}

func (p *pair) move() *moves {
	m := &moves{Move: Move{From: p.a, To: p.b, FromName: "http://a", ToName: "http://b", Concurrency: 1}}
	m.Tell = func(_, _ string, err error) { m.told = append(m.told, err) }
	return m
}

func (m *moves) run(t *testing.T) (MoveCounts, error) {
	t.Helper()
	return m.Run(context.WithoutCancel(t.Context()))
}

// prepare makes three sessions in a, of which two are to be moved; one has a context.
func (p *pair) prepare(t *testing.T) {
	t.Helper()
	gold := map[string]string{"tier": "gold"}
	one := create(t, p.a, client.Draft{Name: "one", Labels: gold, TTL: time.Hour, Config: map[string]any{"n": 12345678901234567}})
	if _, err := p.a.PutContext(t.Context(), one.ID, []byte("state"), "text/plain", client.ContextCondition{}); err != nil {
		t.Fatal(err)
	}
	two := create(t, p.a, client.Draft{Name: "two", Labels: gold, Status: client.Idle, Durability: client.Fast})
	ids := say(t, p.a, two.ID, numbered(0, talk)...)
	mark(t, p.a, two.ID, ids[readUpTo])
	create(t, p.a, client.Draft{Name: "stays"})
}

// What two has said, in three publishes of a move, and which of it has been read.
const (
	talk     = 250
	readUpTo = 120
)

// moved checks that a move of what prepare made is over.
func (p *pair) moved(t *testing.T, about string) {
	t.Helper()
	here, there := all(t, p.a), all(t, p.b)
	if !slices.Equal(names(here), []string{"stays"}) || !slices.Equal(names(there), []string{"one", "two"}) {
		t.Fatalf("%s: source %v, target %v", about, names(here), names(there))
	}
	for name, s := range there {
		if s.Labels["tier"] != "gold" || s.Labels[LabelImportedFrom] == "" || len(s.Labels) != map[string]int{"one": 2, "two": 3}[name] {
			t.Errorf("%s: %v", about, s.Labels)
		}
	}
	p.goesOn(t, about, there["two"], numbered(0, talk), readUpTo)
	if there["two"].Durability != client.Fast || there["one"].Durability == client.Fast {
		t.Errorf("%s: %+v", about, there)
	}
	if there["two"].Status != client.Idle || there["one"].ExpiresAt.IsZero() || fmt.Sprint(there["one"].Config) != "map[n:12345678901234567]" {
		t.Errorf("%s: %+v", about, there)
	}
	b, err := p.b.GetContext(t.Context(), there["one"].ID)
	if err != nil || string(b.Data) != "state" || b.ContentType != "text/plain" {
		t.Errorf("%s: %+v %v", about, b, err)
	}
}

// safe fails where a session is in neither fleet, or may be run in both. It is asked before every request of a move.
func (p *pair) safe(t *testing.T, about func() string) func(method, path, host string) {
	look := func(h http.Handler) map[string]client.Session { return all(t, beside(t, h)) } // beside the wire, which is held
	return func(method, path, host string) {
		here, there := look(p.wire.a), look(p.wire.b)
		for _, name := range []string{"one", "two", "stays"} {
			s, atSource := here[name]
			c, atTarget := there[name]
			_, held := c.Labels[LabelMovingFrom]
			switch {
			case !atSource && !atTarget:
				t.Errorf("%s: before %s %s%s nobody has %s", about(), method, host, path, name)
			case atSource && atTarget && (!held || s.Labels[LabelMovingTo] == ""):
				t.Errorf("%s: before %s %s%s both may run %s", about(), method, host, path, name)
			}
		}
	}
}

func TestSessionsMoveAndAMoveIsRunAgainAfterACrashAnywhere(t *testing.T) {
	t.Parallel()
	whole := 0 // changes of a move that does not crash
	for crash := 0; crash <= whole; crash++ {
		for _, applied := range []bool{false, true} {
			p := newPair(t)
			p.prepare(t)
			about := fmt.Sprintf("crash %d, applied %t", crash, applied)
			began := p.wire.changes
			if crash > 0 {
				p.wire.crash, p.wire.applied = began+crash, applied
			}
			p.wire.before = p.safe(t, func() string { return about })
			m := p.move()
			m.Selection.Labels = map[string]string{"tier": "gold"}
			got, err := m.run(t)
			if crash == 0 {
				if whole = p.wire.changes - began; err != nil || got != (MoveCounts{Moved: 2}) {
					t.Fatalf("%+v %v %v", got, err, m.told)
				}
			} else if err == nil {
				t.Fatalf("%s: it did not fail", about)
			}
			p.wire.crash = 0
			again := p.move()
			again.Selection.Labels = m.Selection.Labels
			if got, err := again.run(t); err != nil || got.Failed != 0 {
				t.Errorf("%s: again %+v %v %v", about, got, err, again.told)
			}
			p.moved(t, about)
		}
	}
	if whole != 14 { // mark, copy, that it is whole, delete and release of two, one context and three publishes
		t.Errorf("%d changes", whole)
	}
}

func TestSessionsMoveThereAndBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.prepare(t)
	for range 2 {
		m := p.move()
		if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 3}) || len(all(t, p.a)) != 0 {
			t.Fatalf("%+v %v %v", got, err, m.told)
		}
		m = p.move()
		m.From, m.To, m.FromName, m.ToName = m.To, m.From, m.ToName, m.FromName
		if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 3}) || len(all(t, p.b)) != 0 {
			t.Fatalf("%+v %v %v", got, err, m.told)
		}
	}
	s := all(t, p.a)["two"]
	if len(s.Labels) != 3 || s.Labels["tier"] != "gold" || s.Status != client.Idle {
		t.Errorf("%+v", s)
	}
	p.goesOn(t, "at home", s, numbered(0, talk), readUpTo)
}

// A former version has left out the durability, which cannot be changed.
func TestACopyOfAnotherDurabilityIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, fast := range []client.Durability{client.Fast, client.Acked, ""} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one", Durability: fast})
		before := create(t, p.b, client.Draft{Name: "one", Labels: map[string]string{LabelMovingFrom: "http://a", LabelImportedFrom: s.ID}})
		if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
			t.Errorf("%+v %v", got, err)
		}
		if is := all(t, p.b)["one"]; is.Durability != s.Durability || (is.ID == before.ID) != (fast != client.Fast) {
			t.Errorf("%q became %q", s.Durability, is.Durability)
		}
	}
}

// What is changed at the source in the last moment before the deletion is moved as it was changed, or stays.
func TestChangesAtTheSourceAreNotLost(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *client.Client, id string) error{
		"the session": func(c *client.Client, id string) error {
			_, err := c.PatchSession(t.Context(), id, client.Patch{Config: map[string]any{"late": true}}, client.Condition{})
			return err
		},
		"its context": func(c *client.Client, id string) error {
			_, err := c.PutContext(t.Context(), id, []byte("late"), "", client.ContextCondition{})
			return err
		},
		"its messages": func(c *client.Client, id string) error {
			_, err := c.Publish(t.Context(), id, client.Publication{}, client.MessageDraft{Data: "late"})
			return err
		},
	} {
		for _, times := range []int{1, 2, attempts * looks} {
			p := newPair(t)
			s := create(t, p.a, client.Draft{Name: "one"})
			direct, made := beside(t, p.wire.a), 0
			p.wire.before = func(method, _, host string) {
				if host != "a" || method != http.MethodDelete || made == times {
					return
				}
				made++
				if err := change(direct, s.ID); err != nil {
					t.Error(err)
				}
			}
			m := p.move()
			got, err := m.run(t)
			p.wire.before = nil
			if err != nil {
				t.Fatalf("%s, %d times: %v", name, times, err)
			}
			if times > 2 {
				if got != (MoveCounts{Failed: 1}) || !strings.Contains(m.told[0].Error(), "it keeps changing at the source") || len(all(t, p.a)) != 1 {
					t.Errorf("%s: %+v %v", name, got, m.told)
				}
				if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) { // quieter now
					t.Errorf("%s: %+v %v", name, got, err)
				}
			} else if got != (MoveCounts{Moved: 1}) || made != times {
				t.Errorf("%s, %d of %d times: %+v %v", name, made, times, got, m.told)
			}
			c := all(t, p.b)["one"]
			if name == "the session" && c.Config["late"] != true {
				t.Errorf("%+v", c)
			}
			if b, err := p.b.GetContext(t.Context(), c.ID); name == "its context" && (err != nil || string(b.Data) != "late") {
				t.Errorf("%q %v", b.Data, err)
			}
			if said := heard(t, p.b, c.ID); name == "its messages" && (len(said) != made || made == 0) {
				t.Errorf("%d messages are there, %d were published", len(said), made)
			}
		}
	}
}

// beside returns a client of a fleet that is not on the wire.
func beside(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: []string{"http://a"}, RetryFor: -1, Transport: &wire{a: h}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A copy of an earlier run lives as long as its session does by now.
func TestACopyExpiresWhenItsSessionDoes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ before, after time.Duration }{{time.Hour, client.Never}, {time.Hour, 2 * time.Hour}, {0, time.Hour}, {0, 0}} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one", TTL: row.before})
		p.wire.crash, p.wire.applied = p.wire.changes+2, true // the copy is made
		if _, err := p.move().run(t); !errors.Is(err, errDown) {
			t.Fatal(err)
		}
		p.wire.crash = 0
		if row.after != 0 {
			patched, err := p.a.PatchSession(t.Context(), s.ID, client.Patch{TTL: row.after}, client.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			s = patched
		}
		if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
			t.Fatalf("%+v %v", got, err)
		}
		if is := all(t, p.b)["one"].ExpiresAt; is.IsZero() != s.ExpiresAt.IsZero() || is.Sub(s.ExpiresAt).Abs() > 10*time.Second {
			t.Errorf("%s, then %s: the session expires at %s, its copy at %s", row.before, row.after, s.ExpiresAt, is)
		}
	}
}

func TestWhatIsNotMoved(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 63 {
		many[fmt.Sprint("l", i)] = ""
	}
	read := maps.Clone(many)
	delete(read, "l0")
	read[LabelReadUpTo] = "17-1"
	for name, row := range map[string]struct {
		labels map[string]string
		says   string
	}{
		"marked for elsewhere": {map[string]string{LabelMovingTo: "http://c"}, "is being moved to http://c"},
		"held itself":          {map[string]string{LabelMovingFrom: "http://c"}, "has the label moving-from"},
		"too many labels":      {many, "has 63 labels, and a move needs up to three more"},
		"too many with one":    {read, "has 63 labels, and a move needs up to three more"},
	} {
		p := newPair(t)
		create(t, p.a, client.Draft{Name: "one", Labels: row.labels})
		before, began := all(t, p.a)["one"], p.wire.changes
		m := p.move()
		if got, err := m.run(t); err != nil || got != (MoveCounts{Failed: 1}) || !strings.Contains(m.told[0].Error(), row.says) {
			t.Errorf("%s: %+v %v %v", name, got, err, m.told)
		}
		if p.wire.changes != began || !reflect.DeepEqual(all(t, p.a)["one"], before) {
			t.Errorf("%s: it was changed", name)
		}
	}
}

// As many labels as a move has room for: three come beside them, of which one is the runner's where that has read something.
func TestSessionsWithManyLabelsAreMoved(t *testing.T) {
	t.Parallel()
	for most, reads := range map[int]bool{61: false, 62: true} {
		p := newPair(t)
		labels := map[string]string{}
		for i := range most {
			labels[fmt.Sprint("l", i)] = ""
		}
		if reads {
			delete(labels, "l0")
		}
		s := create(t, p.a, client.Draft{Name: "one", Labels: labels})
		ids := say(t, p.a, s.ID, numbered(0, 3)...)
		if reads {
			mark(t, p.a, s.ID, ids[1])
		}
		p.crashAt(t, 4, true)
		say(t, p.a, s.ID, "line 3") // it is partial again
		m := p.move()
		if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 1}) {
			t.Errorf("%d labels: %+v %v %v", most, got, err, m.told)
		}
		if is := all(t, p.b)["one"]; len(is.Labels) != most+1 {
			t.Errorf("%d labels became %d", most, len(is.Labels))
		}
	}
}

func TestASessionThatBothHaveIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	create(t, p.a, client.Draft{Name: "one"})
	if _, _, err := runImport(t, Import{To: p.b}, strings.NewReader(exported(t, p.a, client.Selection{}))); err != nil {
		t.Fatal(err)
	}
	began := p.wire.changes
	m := p.move()
	if got, err := m.run(t); err != nil || got != (MoveCounts{Failed: 1}) || !strings.Contains(m.told[0].Error(), "Delete one of the two") || p.wire.changes != began {
		t.Errorf("%+v %v %v", got, err, m.told)
	}
}

// A copy whose source is named otherwise is never released: whether its session is gone cannot be known.
func TestCopiesOfAnotherSourceStayHeld(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.prepare(t)
	p.wire.crash = p.wire.changes + 3 // after the first copy
	if _, err := p.move().run(t); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	p.wire.crash = 0
	m := p.move()
	m.FromName, m.Selection.Labels = "http://other", map[string]string{"no": "such"}
	if got, err := m.run(t); err != nil || got != (MoveCounts{}) || len(all(t, p.b)) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	for _, s := range all(t, p.b) {
		if s.Labels[LabelMovingFrom] != "http://a" {
			t.Errorf("%+v", s)
		}
	}
}

func TestAFleetDoesNotMoveToItself(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	create(t, p.a, client.Draft{Name: "one"})
	m := p.move()
	m.To = m.From
	if _, err := m.run(t); err == nil || !strings.Contains(err.Error(), "source and target are one fleet") {
		t.Error(err)
	}
}

func TestADryMoveChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.prepare(t)
	began := p.wire.changes
	m := p.move()
	m.DryRun = true
	if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 3}) || p.wire.changes != began {
		t.Errorf("%+v %v", got, err)
	}
}

func TestAMoveThatIsInterruptedWhileItSettlesSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.prepare(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	deleted := 0
	p.wire.before = func(method, _, _ string) {
		if method == http.MethodDelete {
			if deleted++; deleted == 3 {
				time.AfterFunc(0, cancel)
			}
		}
	}
	m := p.move()
	m.Settle = time.Hour
	if _, err := m.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.wire.before = nil
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 3}) || len(all(t, p.a)) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}
