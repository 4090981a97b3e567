package fleet

import (
	"fmt"
	"sync"
	"testing"

	"orchestrator/internal/session"
)

// beliefs is what all followers together believe to hold.
type beliefs struct {
	t  *testing.T
	mu sync.Mutex
	by map[session.ID]string
}

func (b *beliefs) set(who string, id session.ID, epoch uint64, holds bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !holds {
		delete(b.by, id)
		return
	}
	if other, held := b.by[id]; held {
		b.t.Errorf("%s is told to run %s at epoch %d while %s holds it", who, id, epoch, other)
	}
	b.by[id] = who
}

// count says "" if exactly n sessions are believed to be held.
func (b *beliefs) count(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.by) == n {
		return ""
	}
	return fmt.Sprintf("%d sessions are held, want %d", len(b.by), n)
}
