package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"orchestrator/client"
)

// keys is how many idempotency keys are tried for one session.
const keys = 20

// errSpent says that what was made under a key is not there any more.
var errSpent = errors.New("what was made under its idempotency keys is gone: it can be made again 24 hours later")

// makeOnce makes a session under an idempotency key that is drawn from what names it. A fleet knows for 24 hours what it made under a key, and does not
// make it again where that was deleted since: then the next of the keys is taken, which is the same one in every run. mismatch looks for a
// session that was made under a key with another draft; where it returns errSpent, there is none.
func makeOnce(ctx context.Context, to *client.Client, d client.Draft, mismatch func(error) (client.Session, error), parts ...string) (client.Session, error) {
	for n := range keys {
		d.IdempotencyKey = key(parts...)
		if n > 0 {
			d.IdempotencyKey = key(append(parts, fmt.Sprint(n))...)
		}
		s, err := to.CreateSession(ctx, d)
		if errors.Is(err, client.ErrIdempotencyMismatch) {
			s, err = mismatch(err)
		}
		if !errors.Is(err, client.ErrNotFound) && !errors.Is(err, errSpent) {
			return s, err
		}
	}
	return client.Session{}, errSpent
}

// key draws an idempotency key from what names a session.
func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return parts[0] + "-" + hex.EncodeToString(h.Sum(nil))
}
