package fleet

import (
	"context"
	"errors"

	"orchestrator/internal/session"
)

// decided reports whether a change's error means that nothing was changed and nothing in flight can still change it. Of records that cannot be
// read it does not: a copy may have been written before another record was found damaged.
func decided(err error) bool {
	var corrupt *session.CorruptError
	return final(err) && !errors.As(err, &corrupt)
}

// final reports whether an error is the answer that there is: the session is not there, is another's, cannot be read. Trying again gives the same.
func final(err error) bool {
	var unavailable *session.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Refused {
		return true
	}
	return !errors.As(err, &unavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, session.ErrUnknownOutcome)
}
