package transfer

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
)

// crashAt runs a move that crashes at one of its changes, from 1.
func (p *pair) crashAt(t *testing.T, change int, applied bool) {
	t.Helper()
	p.wire.crash, p.wire.applied = p.wire.changes+change, applied
	if _, err := p.move().run(t); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	p.wire.crash = 0
}

// A fleet does not make again what was deleted under an idempotency key.
func TestACopyThatWasDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{0, time.Hour} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one", TTL: ttl})
		say(t, p.a, s.ID, numbered(0, 20)...)
		for times := range 3 {
			p.crashAt(t, max(2, times+1), true) // mark, copy; then the keys of those before, copy
			if err := p.b.DeleteSession(t.Context(), all(t, p.b)["one"].ID, client.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		m := p.move()
		if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 1}) {
			t.Fatalf("%+v %v %v", got, err, m.told)
		}
		is := all(t, p.b)["one"]
		if p.goesOn(t, ttl.String(), is, numbered(0, 20), -1); is.ExpiresAt.Sub(s.ExpiresAt).Abs() > 10*time.Second {
			t.Errorf("it expires at %s, and at the source at %s", is.ExpiresAt, s.ExpiresAt)
		}
	}
}

func TestKeysThatAreSpentAreTold(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	direct := beside(t, p.wire.b)
	p.crashAt(t, 2, false) // marked
	for {
		p.wire.before = func(method, path, host string) {
			if c, made := all(t, direct)["one"]; made && method == http.MethodGet && host == "b" && strings.HasSuffix(path, c.ID) {
				if err := direct.DeleteSession(t.Context(), c.ID, client.Condition{}); err != nil {
					t.Error(err)
				}
			}
		}
		m := p.move()
		got, err := m.run(t)
		if err != nil || got != (MoveCounts{Failed: 1}) {
			t.Fatalf("%+v %v %v", got, err, m.told)
		}
		if errors.Is(m.told[0], errSpent) {
			break
		}
	}
	if _, err := p.a.GetSession(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
}
