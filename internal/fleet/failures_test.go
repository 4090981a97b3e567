package fleet

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"orchestrator/internal/session"
)

func TestFailuresAreToldOnceWithHowOften(t *testing.T) {
	t.Parallel()
	var f failures
	f.add(nil)
	if err := f.joined(); err != nil {
		t.Fatalf("nothing failed, and %v is told", err)
	}
	for range 3 {
		f.add(&session.UnavailableError{Reason: "no answer"})
	}
	f.add(context.DeadlineExceeded)
	f.add(errors.Join(&session.UnavailableError{Reason: "no answer"}, errors.New("another")))
	f.add(fmt.Errorf("two causes: %w and %w", errors.New("a"), errors.New("b")))
	err := f.joined()
	const want = "store unavailable: no answer (4 times)\ncontext deadline exceeded\nanother\ntwo causes: a and b"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	var away *session.UnavailableError
	if !errors.As(err, &away) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error("the causes cannot be told from the sum")
	}
}
