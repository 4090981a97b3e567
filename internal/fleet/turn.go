package fleet

import (
	"context"

	"orchestrator/internal/session"
)

// turn is a lock that is waited for no longer than the caller may take. Who waits for processes to let go of sessions, or reads many sessions,
// may hold it for long, and a job that waited on would look stuck.
type turn chan struct{}

// take returns nil once the caller holds the turn, and a *session.UnavailableError where its time has ended.
func (t turn) take(ctx context.Context) error {
	ended := ctx.Err()
	if ended == nil {
		select {
		case t <- struct{}{}:
			return nil
		case <-ctx.Done():
			ended = ctx.Err()
		}
	}
	return &session.UnavailableError{Reason: "this node was at work on other sessions for too long", Err: ended, HandOver: true}
}

func (t turn) give() { <-t }

// notBegunError says that nothing of a change was sent.
type notBegunError struct{ err error }

func (e *notBegunError) Error() string { return e.err.Error() }

func (e *notBegunError) Unwrap() error { return e.err }
