package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orchestrator/client"
	"orchestrator/internal/session"
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
	copies map[string]client.Session // at the target, by the id that they had
	begun  map[string]bool           // ids that finish has been at
}

// Run moves every session selected, and finishes what an earlier run began. An error says why it ended early, or that both are one fleet.
func (m Move) Run(ctx context.Context) (MoveCounts, error) {
	run := &mover{Move: m, copies: map[string]client.Session{}, begun: map[string]bool{}}
	same, err := sameFleet(ctx, m.From, m.To)
	if err == nil && same {
		err = errors.New("source and target are one fleet: `sessions migrate` moves between its nodes")
	}
	if err == nil {
		err = run.look(ctx)
	}
	if err == nil {
		err = run.finish(ctx)
	}
	if err == nil {
		err = run.selected(ctx)
	}
	return run.counts, err
}

// look finds what an earlier run, or an import, has made at the target.
func (m *mover) look(ctx context.Context) error {
	for s, err := range imported(ctx, m.To, LabelImportedFrom) {
		if err != nil {
			return fmt.Errorf("the target's copies cannot be read: %w", err)
		}
		id := s.Labels[LabelImportedFrom]
		if before, twice := m.copies[id]; !twice || before.Labels[LabelMovingFrom] != "" { // one that may be run counts before one that is held
			m.copies[id] = s
		}
	}
	return nil
}

// finish moves on what an earlier run has left held, whatever is selected.
func (m *mover) finish(ctx context.Context) error {
	var held []string
	for id, s := range m.copies {
		if s.Labels[LabelMovingFrom] == m.FromName {
			held, m.begun[id] = append(held, id), true
		}
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
			c, err := m.over(all, id)
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

// attempts is how often a session that changes while it is copied is copied anew.
const attempts = 5

// over takes a session to where only its copy, held, is left.
func (m *mover) over(ctx context.Context, id string) (*client.Session, error) {
	for range attempts {
		c, err := m.once(ctx, id)
		if !errors.Is(err, errChanged) {
			return c, err
		}
	}
	return nil, fmt.Errorf("it keeps changing at the source: it stays there, marked %s, and its copy held; move it again when it is quieter", LabelMovingTo)
}

// errEnded says that the session ended before it could be moved.
var errEnded = errors.New("it has ended")

// errChanged says that the source's session, or its context, is not any more as it was copied.
var errChanged = errors.New("it has changed at the source")

func (m *mover) once(ctx context.Context, id string) (*client.Session, error) {
	before, copied := m.copyOf(id)
	s, err := m.From.GetSession(ctx, id)
	switch {
	case errors.Is(err, client.ErrNotFound) && copied && before.Labels[LabelMovingFrom] == m.FromName: // the deletion was the last that was done
		return &before, nil
	case errors.Is(err, client.ErrNotFound):
		return nil, errEnded
	case err != nil:
		return nil, fmt.Errorf("source: %w", err)
	case copied && before.Labels[LabelMovingFrom] != m.FromName:
		return nil, taken(before)
	}
	it, err := m.take(s)
	if err != nil || m.DryRun {
		return nil, err
	}
	if s, err = m.mark(ctx, s); err != nil {
		return nil, err
	}
	c, err := m.copy(ctx, it, before, copied, s.Version)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return c, m.leave(ctx, s, c)
}

// take reads a session of the source as one to be made at the target.
func (m *mover) take(s client.Session) (item, error) {
	if to := s.Labels[LabelMovingTo]; to != "" && to != m.ToName {
		return item{}, fmt.Errorf("is being moved to %s: finish that, or remove its label %s", to, LabelMovingTo)
	}
	it := item{id: s.ID, until: s.ExpiresAt, draft: client.Draft{Type: s.Type, Name: s.Name, Workspace: s.Workspace, Config: s.Config,
		Labels: s.Labels, Status: s.Status}}
	if err := it.check(); err != nil {
		return item{}, err
	}
	it.draft.Labels[LabelMovingFrom] = m.FromName
	unmarked := s.Labels[LabelMovingTo] == ""
	if len(it.draft.Labels) > session.MaxLabels || unmarked && len(s.Labels) == session.MaxLabels {
		return item{}, fmt.Errorf("has %d labels, and a move needs up to two more: at most %d are allowed", len(s.Labels), session.MaxLabels)
	}
	return it, it.live(time.Now())
}

// mark says at the source whither the session goes.
func (m *mover) mark(ctx context.Context, s client.Session) (client.Session, error) {
	if s.Labels[LabelMovingTo] == m.ToName {
		return s, nil
	}
	marked, err := m.From.PatchSession(ctx, s.ID, client.Patch{Labels: map[string]string{LabelMovingTo: m.ToName}}, client.Condition{IfMatch: s.ETag})
	if errors.Is(err, client.ErrVersionMismatch) {
		return s, errChanged
	}
	if err != nil {
		return s, fmt.Errorf("source: %w", err)
	}
	return marked, nil
}

// copy makes the copy, or finds it made by an earlier run, and compares it.
func (m *mover) copy(ctx context.Context, it item, before client.Session, copied bool, version uint64) (*client.Session, error) {
	if copied {
		return m.compare(ctx, it, before.ID)
	}
	it.draft.IdempotencyKey = key("move", m.FromName, it.id, fmt.Sprint(version))
	c, err := m.To.CreateSession(ctx, it.draft)
	if errors.Is(err, client.ErrIdempotencyMismatch) { // made a moment ago, with a little more time to live
		c, err = find(ctx, m.To, it.id, err)
	}
	if err != nil {
		return nil, err
	}
	return m.compare(ctx, it, c.ID)
}

// compare reads a copy and holds it to what it is to be. One that differs is deleted: nobody runs it.
func (m *mover) compare(ctx context.Context, it item, id string) (*client.Session, error) {
	c, err := m.To.GetSession(ctx, id)
	if errors.Is(err, client.ErrNotFound) {
		m.forget(it.id)
		return nil, errChanged
	}
	if err != nil {
		return nil, err
	}
	m.remember(it.id, c)
	if c.Labels[LabelMovingFrom] != m.FromName {
		return nil, taken(c)
	}
	if same(it.draft, c) {
		return m.live(ctx, it, c)
	}
	err = m.To.DeleteSession(ctx, c.ID, client.Condition{IfMatch: c.ETag})
	if err != nil && !errors.Is(err, client.ErrVersionMismatch) && !errors.Is(err, client.ErrNotFound) {
		return nil, err
	}
	m.forget(it.id)
	return nil, errChanged
}

// live gives a copy of an earlier run the time that is left, where the source's has been changed since.
func (m *mover) live(ctx context.Context, it item, c client.Session) (*client.Session, error) {
	if it.until.IsZero() == c.ExpiresAt.IsZero() && it.until.Sub(c.ExpiresAt).Abs() < time.Second {
		return &c, nil
	}
	ttl := client.Never
	if !it.until.IsZero() {
		ttl = it.draft.TTL
	}
	lives, err := m.To.PatchSession(ctx, c.ID, client.Patch{TTL: ttl}, client.Condition{IfMatch: c.ETag})
	if errors.Is(err, client.ErrVersionMismatch) || errors.Is(err, client.ErrNotFound) {
		return nil, errChanged
	}
	return &lives, err
}

// taken is the error of a session that the target has, and not from this move.
func taken(c client.Session) error {
	if whence := c.Labels[LabelMovingFrom]; whence != "" {
		return fmt.Errorf("the target has it as %s, held for a move from %s: name the source so", c.ID, whence)
	}
	return fmt.Errorf("the target has it as %s, which may be run there: it was imported. Delete one of the two", c.ID)
}

// same compares what a copy is to be with what it is, but for its time to live.
func same(want client.Draft, is client.Session) bool {
	return want.Type == is.Type && want.Name == is.Name && want.Workspace == is.Workspace && want.Status == is.Status &&
		maps.Equal(want.Labels, is.Labels) && sameJSON(want.Config, is.Config)
}

// leave takes the context along, and deletes the session at the source if all of it is as it was copied.
func (m *mover) leave(ctx context.Context, s client.Session, c *client.Session) error {
	etag, err := m.context(ctx, s.ID, c.ID)
	if err != nil {
		return err
	}
	now, err := stateOf(ctx, m.From, s.ID)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if now.ETag != etag {
		return errChanged
	}
	switch err := m.From.DeleteSession(ctx, s.ID, client.Condition{IfMatch: s.ETag}); {
	case errors.Is(err, client.ErrVersionMismatch):
		return errChanged
	case errors.Is(err, client.ErrNotFound): // by somebody else, or it expired: the copy is what is left, as after a crash
		return nil
	case err != nil:
		return fmt.Errorf("source: %w", err)
	}
	return nil
}

// context carries a session's context over, and returns the ETag of what was carried; "": there is none.
func (m *mover) context(ctx context.Context, from, to string) (string, error) {
	blob, err := stateOf(ctx, m.From, from)
	if err != nil {
		return "", fmt.Errorf("source: %w", err)
	}
	old, err := stateOf(ctx, m.To, to) // of an earlier attempt
	cond := client.Condition{IfMatch: old.ETag}
	switch {
	case err != nil || blob.ContentType == old.ContentType && bytes.Equal(blob.Data, old.Data) && (blob.ETag == "") == (old.ETag == ""):
	case blob.ETag == "":
		err = m.To.DeleteContext(ctx, to, cond)
	default:
		_, err = m.To.PutContext(ctx, to, blob.Data, blob.ContentType, client.ContextCondition{Condition: cond, Absent: old.ETag == ""})
	}
	if errors.Is(err, client.ErrVersionMismatch) {
		return "", errChanged
	}
	if err != nil {
		return "", fmt.Errorf("target: context: %w", err)
	}
	return blob.ETag, nil
}

// stateOf returns a session's context, the zero Blob where there is none, or the fleet keeps none.
func stateOf(ctx context.Context, c *client.Client, id string) (client.Blob, error) {
	blob, err := c.GetContext(ctx, id)
	var e *client.Error
	if errors.As(err, &e) && (e.Code == "context-not-found" || errors.Is(err, client.ErrNoRoute)) {
		return client.Blob{}, nil
	}
	return blob, err
}

// release lets a copy be run. One that has ended meanwhile is released too.
func (m *mover) release(ctx context.Context, c client.Session) error {
	_, err := m.To.PatchSession(ctx, c.ID, client.Patch{RemoveLabels: []string{LabelMovingFrom}}, client.Condition{})
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return fmt.Errorf("target: it is left there, held, as %s: %w", c.ID, err)
	}
	return nil
}

func (m *mover) copyOf(id string) (client.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.copies[id]
	return s, ok
}

func (m *mover) remember(id string, c client.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.copies[id] = c
}

func (m *mover) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.copies, id)
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
