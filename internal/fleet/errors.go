package fleet

import (
	"context"
	"errors"

	"orchestrator/internal/session"
)

// decided reports whether an error means that nothing was changed and nothing in flight can still change it.
func decided(err error) bool {
	var unavailable *session.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Refused {
		return true
	}
	return !errors.As(err, &unavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, session.ErrUnknownOutcome)
}
