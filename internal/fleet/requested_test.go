package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/handover"
	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// forgetful does not take off the list what was dealt with.
type forgetful struct{ Requests }

func (f forgetful) Next(ctx context.Context, node session.NodeID, limit int, done ...handover.Request) ([]handover.Request, error) {
	if len(done) > 0 {
		return nil, &session.UnavailableError{Reason: "redis does not answer"}
	}
	return f.Requests.Next(ctx, node, limit)
}

// An owner that does not answer is told of as such: Redis has nothing to do with it, and what it was asked for may yet come to pass.
func TestARequestThatIsNotAnsweredStands(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	is := a.make(t, 1)[0]
	b := join(t, r, prefix, "b", settings{idle: true})
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := b.Migrate(short, is.ID, "b")
	var away *session.UnavailableError
	if !errors.As(err, &away) || !away.HandOver || !strings.Contains(away.Reason, "node a, which owns the session, has not") || !strings.Contains(away.Reason, "may do so yet") {
		t.Fatal(err)
	}
	await(t, func() string {
		_ = a.handOverRequested(t.Context())
		if now, err := b.Get(t.Context(), is.ID, session.Linearizable); err != nil || now.Owner() != "b" {
			return "what was asked for is not done"
		}
		return ""
	})
}

// A request that was carried out, and is met again because it could not be taken off the list or was sent twice, has its room no longer to
// give: the session is there, though the balancer may not have been told yet.
func TestARequestThatWasCarriedOutGivesNoRoomBack(t *testing.T) {
	t.Parallel()
	r := redistest.Single(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	is := a.make(t, 1)[0]
	b := join(t, r, prefix, "b", settings{idle: true})
	asked := make(chan error, 1)
	go func() {
		_, err := b.Migrate(t.Context(), is.ID, "b")
		asked <- err
	}()
	a.Requests = forgetful{a.Requests}
	await(t, func() string {
		_ = a.handOverRequested(t.Context())
		select {
		case err := <-asked:
			if err != nil {
				t.Fatal(err)
			}
			return ""
		default:
			return "the session never moved"
		}
	})
	for len(a.settler.queue) > 0 { // what the balancer should have been told is lost
		<-a.settler.queue
	}
	if err := a.handOverRequested(t.Context()); err == nil {
		t.Fatal("the request was taken off the list")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.settler.run(ended); err != nil {
		t.Fatal(err)
	}
	if n := b.counts(t)["b"]; n != 1 {
		t.Errorf("b owns a session, and %d are counted", n)
	}
}
