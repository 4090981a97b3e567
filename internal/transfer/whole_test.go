package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"orchestrator/client"
)

// A session that ends at the source is not to begin again with a part of its conversation. Its changes are mark, copy, two publishes, that it is whole,
// deletion and release.
func TestACopyOfASessionThatHasEndedIsReleasedIfItIsWhole(t *testing.T) {
	t.Parallel()
	for crash := 2; crash <= 6; crash++ {
		for _, applied := range []bool{false, true} {
			about := fmt.Sprintf("crash %d, applied %t", crash, applied)
			p := newPair(t)
			s := create(t, p.a, client.Draft{Name: "one"})
			say(t, p.a, s.ID, numbered(0, 150)...)
			p.crashAt(t, crash, applied)
			if err := p.a.DeleteSession(t.Context(), s.ID, client.Condition{}); err != nil && !errors.Is(err, client.ErrNotFound) {
				t.Fatal(err)
			}
			m := p.move()
			got, err := m.run(t)
			left := all(t, p.b)
			switch {
			case err != nil:
				t.Errorf("%s: %v", about, err)
			case crash == 2 && !applied:
				if got != (MoveCounts{}) || len(left) != 0 {
					t.Errorf("%s: %+v, left is %v", about, got, left)
				}
			case crash < 5 || crash == 5 && !applied:
				if got != (MoveCounts{Failed: 1}) || len(left) != 0 || !strings.Contains(m.told[0].Error(), "was deleted") {
					t.Errorf("%s: %+v %v, left is %v", about, got, m.told, left)
				}
			default:
				if got != (MoveCounts{Moved: 1}) || len(left["one"].Labels) != 1 {
					t.Fatalf("%s: %+v %v, left is %v", about, got, m.told, left)
				}
				p.goesOn(t, about, left["one"], numbered(0, 150), -1)
			}
		}
	}
}

// A whole copy is partial again while it is given what its session has said since.
func TestACopyThatIsGivenMoreIsNotWhole(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"messages", "context"} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one"})
		say(t, p.a, s.ID, numbered(0, 20)...)
		p.crashAt(t, 4, true) // mark, copy, publish, whole
		if kind == "messages" {
			say(t, p.a, s.ID, numbered(20, 40)...)
		} else if _, err := p.a.PutContext(t.Context(), s.ID, []byte("new"), "", client.ContextCondition{}); err != nil {
			t.Fatal(err)
		}
		p.crashAt(t, 3, false) // mark again, partial, publish
		if err := p.a.DeleteSession(t.Context(), s.ID, client.Condition{}); err != nil {
			t.Fatal(err)
		}
		dry := p.move()
		dry.DryRun = true
		if got, err := dry.run(t); err != nil || got != (MoveCounts{Failed: 1}) || len(all(t, p.b)) != 1 {
			t.Errorf("%s: %+v %v", kind, got, err)
		}
		if got, err := p.move().run(t); err != nil || got != (MoveCounts{Failed: 1}) || len(all(t, p.b)) != 0 {
			t.Errorf("%s: %+v %v", kind, got, err)
		}
	}
}

// Whether a copy that a former version has made is whole cannot be told: it may be all that is left.
func TestACopyOfAFormerVersionIsReleased(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	say(t, p.a, s.ID, numbered(0, 20)...)
	p.crashAt(t, 3, true)
	if _, err := p.b.PatchSession(t.Context(), all(t, p.b)["one"].ID, client.Patch{RemoveLabels: []string{LabelPartial}}, client.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := p.a.DeleteSession(t.Context(), s.ID, client.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
		t.Errorf("%+v %v", got, err)
	}
	p.goesOn(t, "one", all(t, p.b)["one"], numbered(0, 20), -1)
}

// Another mover, or a request of one that crashed, deletes the session at the source by what it knows of it.
func TestADeletionByAnotherLosesNothing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		crash       int      // of the first run
		here, there []string // said at the source, and at the copy, after it
		method      string   // the deletion comes before the first request of the target
		path        string   // that ends so
		gone        bool     // it succeeds
		want        []string // is said at the target
	}{
		"before a copy is discarded": {crash: 3, there: []string{"x"}, method: http.MethodGet, path: "/messages", gone: true, want: append(numbered(0, 20), "x")},
		"while a copy is discarded":  {crash: 3, there: []string{"x"}, method: http.MethodDelete, want: numbered(0, 20)},
		"while a copy gets more":     {crash: 4, here: numbered(20, 40), method: http.MethodPost, path: "/messages", want: numbered(0, 40)},
	} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one"})
		say(t, p.a, s.ID, numbered(0, 20)...)
		p.crashAt(t, row.crash, true) // mark, copy, publish, whole
		c := all(t, p.b)["one"]
		known, err := p.a.GetSession(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		say(t, p.b, c.ID, row.there...)
		say(t, p.a, s.ID, row.here...)
		a, b, asked := beside(t, p.wire.a), beside(t, p.wire.b), false
		p.wire.before = func(method, path, host string) {
			if host != "b" || method != row.method || !strings.HasSuffix(path, row.path) || asked {
				return
			}
			asked = true
			if row.gone { // the other has made it whole
				if _, err := b.PatchSession(t.Context(), c.ID, client.Patch{RemoveLabels: []string{LabelPartial}}, client.Condition{}); err != nil {
					t.Error(err)
				}
			}
			if err := a.DeleteSession(t.Context(), s.ID, client.Condition{IfMatch: known.ETag}); (err == nil) != row.gone {
				t.Errorf("%s: the deletion by another: %v", name, err)
			}
		}
		m := p.move()
		if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 1}) || !asked {
			t.Errorf("%s: %+v %v %v", name, got, err, m.told)
		}
		p.wire.before = nil
		if there := all(t, p.b); len(all(t, p.a)) != 0 || !slices.Equal(names(there), []string{"one"}) {
			t.Errorf("%s: at the target is %v", name, there)
		} else {
			p.goesOn(t, name, there["one"], row.want, -1)
		}
	}
}
