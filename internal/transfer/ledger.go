package transfer

import (
	"context"
	"fmt"
	"sync"

	"orchestrator/client"
)

// ledger knows the copies that the target has, by the ids that their sessions have at the source.
type ledger struct {
	mu     sync.Mutex
	copies map[string]client.Session
}

// look finds what an earlier run, or an import, has made at the target.
func (l *ledger) look(ctx context.Context, target *client.Client) error {
	for s, err := range imported(ctx, target, LabelImportedFrom) {
		if err != nil {
			return fmt.Errorf("the target's copies cannot be read: %w", err)
		}
		id := s.Labels[LabelImportedFrom]
		if before, twice := l.of(id); !twice || before.Labels[LabelMovingFrom] != "" { // one that may be run counts before one that is held
			l.remember(id, s)
		}
	}
	return nil
}

// held returns the ids whose copies are held for a move from a source.
func (l *ledger) held(source string) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.copies {
		if s.Labels[LabelMovingFrom] == source {
			ids = append(ids, id)
		}
	}
	return ids
}

func (l *ledger) of(id string) (client.Session, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.copies[id]
	return s, ok
}

func (l *ledger) remember(id string, c client.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copies[id] = c
}

func (l *ledger) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.copies, id)
}
