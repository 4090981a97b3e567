package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/client"
)

// Move says which sessions go from one fleet to another.
type Move struct {
	From, To *client.Client
	// FromName and ToName are the fleets' names, as labels have them. Under the same FromName what was begun is finished.
	FromName, ToName string
	Selection        client.Selection
	Settle           time.Duration // between the deletion at the source and the release at the target
	Concurrency      int           // sessions under way at once, at least 1
	DryRun           bool          // only say which would be moved

	// Tell is told each session that was moved, err being nil, or was not, one at a time.
	Tell func(from, to string, err error)
}

// group is how many sessions settle together.
const group = 500

// MoveCounts is what became of the sessions.
type MoveCounts struct {
	Moved  int // in a dry run: would be
	Failed int // told why
}

// mover is one run of a Move.
type mover struct {
	Move

	mu     sync.Mutex
	counts MoveCounts
	copies ledger
	blind  atomic.Bool     // the source cannot delete a session on condition of what lies beside it
	begun  map[string]bool // ids that finish has been at
}

// Run moves every session selected, and finishes what an earlier run began. An error says why it ended early, or that both are one fleet.
func (m Move) Run(ctx context.Context) (MoveCounts, error) {
	run := &mover{Move: m, copies: ledger{copies: map[string]client.Session{}}, begun: map[string]bool{}}
	same, err := sameFleet(ctx, m.From, m.To)
	if err == nil && same {
		err = errors.New("source and target are one fleet: `sessions migrate` moves between its nodes")
	}
	if err == nil {
		err = run.copies.look(ctx, m.To)
	}
	if err == nil {
		err = run.finish(ctx)
	}
	if err == nil {
		err = run.selected(ctx)
	}
	return run.counts, err
}

// finish moves on what an earlier run has left held, whatever is selected.
func (m *mover) finish(ctx context.Context) error {
	held := m.copies.held(m.FromName)
	for _, id := range held {
		m.begun[id] = true
	}
	for len(held) > 0 {
		n := min(group, len(held))
		if err := m.together(ctx, held[:n]); err != nil {
			return err
		}
		held = held[n:]
	}
	return nil
}

// selected moves what is selected, in groups.
func (m *mover) selected(ctx context.Context) error {
	var ids []string
	for s, err := range m.From.AllSessions(ctx, m.Selection) {
		if err != nil {
			return errors.Join(m.together(ctx, ids), fmt.Errorf("the source: %w", err))
		}
		if !m.begun[s.ID] {
			ids = append(ids, s.ID)
		}
		if len(ids) == group {
			if err := m.together(ctx, ids); err != nil {
				return err
			}
			ids = nil
		}
	}
	return m.together(ctx, ids)
}

// together moves a group of sessions: each to where it is deleted at the source, then after one settling all of them on.
func (m *mover) together(ctx context.Context, ids []string) error {
	gone := make([]*client.Session, len(ids)) // the copies that have become the only ones
	g, all := errgroup.WithContext(ctx)
	g.SetLimit(max(m.Concurrency, 1))
	for i, id := range ids {
		g.Go(func() error {
			c, err := m.passage(all, id)
			switch {
			case err == nil && !m.DryRun:
				gone[i] = c
			case errors.Is(err, errEnded), all.Err() != nil && errors.Is(err, context.Canceled): // nothing to move; another's error tells why
			default:
				m.tell(id, "", err)
			}
			return fatal(err)
		})
	}
	early := g.Wait()
	if n := there(gone); n > 0 {
		if err := sleep(ctx, m.Settle); err != nil {
			return errors.Join(early, fmt.Errorf("%d sessions are left at the target, held: run the same again: %w", n, err))
		}
	}
	g, all = errgroup.WithContext(ctx)
	g.SetLimit(max(m.Concurrency, 1))
	for i, c := range gone {
		if c == nil {
			continue
		}
		g.Go(func() error {
			err := m.release(all, *c)
			m.tell(ids[i], c.ID, err)
			return fatal(err)
		})
	}
	return errors.Join(early, g.Wait())
}

func there(all []*client.Session) (n int) {
	for _, s := range all {
		if s != nil {
			n++
		}
	}
	return n
}

func (m *mover) tell(from, to string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts.Moved++; err != nil {
		m.counts.Moved--
		m.counts.Failed++
	}
	m.Tell(from, to, err)
}

// fatal returns an error after which the other sessions would fare no better.
func fatal(err error) error {
	var e *client.Error
	if err == nil || !errors.As(err, &e) || ofTheSession(err) || errors.Is(err, client.ErrNotFound) {
		return nil
	}
	return err
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
