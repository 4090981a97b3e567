package client

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Follow returns a lease for each session that a node has to run, now and as they come, until ctx ends. It is for a process on the node's own
// machine. node is the node's id, or its own address ("http://127.0.0.1:8080"), never a load balancer's.
//
// Whoever ranges over it runs each lease's session, commonly in a goroutine of its own, while the lease's context lives, and then releases it.
// Leases follow the node's word: all end when the stream of assignments does, and come anew with the next one.
//
// An error with a nil lease says why nothing is held for now. The loop goes on and tries again, unless it is left or the error is
// ErrInvalid. ctx's error is the last. When the loop is left all leases end, and while the node counts on them the loop is not over until they
// have been released: only then is the connection closed, by which the node knows that nothing runs here any more.
func (c *Client) Follow(ctx context.Context, node string) iter.Seq2[*Lease, error] {
	return func(yield func(*Lease, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		f := &follower{c: c, node: node, ctx: ctx, wake: make(chan struct{}, 1), slots: map[string]*slot{}}
		var reader sync.WaitGroup
		reader.Go(f.run)
		defer reader.Wait()
		defer cancel()
		for {
			l, err := f.next()
			if l == nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			if !yield(l, err) || l == nil && (ctx.Err() != nil || errors.Is(err, ErrInvalid)) {
				return
			}
		}
	}
}

// Run calls work for each session that a node has to run, in a goroutine of its own, with the lease's context. When work returns, the session
// has stopped and its lease is released. work should stop soon after the lease is Revoked, and must when its context ends.
//
// Run returns ctx's error when that ends and all work has returned. It goes on through the loss of the node; another error is
// one that would not pass by itself. See Follow for node.
func (c *Client) Run(ctx context.Context, node string, work func(ctx context.Context, l *Lease)) error {
	known := false
	var working sync.WaitGroup
	defer working.Wait()
	for l, err := range c.Follow(ctx, node) {
		var e *Error
		switch {
		case err == nil:
			known = true
			working.Go(func() {
				defer l.let(ctx)
				work(l.Context(), l)
			})
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &e) && !e.passing() && !(known && e.moving()):
			return err
		default:
			c.cfg.Log.WarnContext(ctx, "no assignments for now", "node", node, "error", err)
		}
	}
	return ctx.Err()
}

// moving reports whether the node may be on its way back: it is not registered, or another one has its address.
func (e *Error) moving() bool { return errors.Is(e, ErrNotFound) || errors.Is(e, ErrWrongNode) }

// let releases a lease whose work has returned, whatever has become of ctx.
func (l *Lease) let(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.term.f.c.cfg.AttemptTimeout)
	defer cancel()
	_ = l.Release(ctx) // what it could not say, the end of the stream does
}

// follower is one call of Follow.
type follower struct {
	c    *Client
	node string
	ctx  context.Context //nolint:containedctx // of the call, which the follower does not outlive
	wake chan struct{}   // there may be something to hand out

	mu    sync.Mutex
	term  *term            // the stream that is open; nil: none is
	slots map[string]*slot // by the session's id
	queue []*Lease         // to be handed out; some may have ended
	held  int              // leases that the caller has and has not released
	err   error            // to be handed out
}

// slot is what is known of one session.
type slot struct {
	now  *Lease // what the stream that is open tells; nil: nothing
	busy *Lease // what the caller has and has not released: of this stream, or of one before
}

// term is one stream. All that it told ends with it.
type term struct {
	f       *follower
	watcher string
	base    *address // of the node
	id      string   // of the node
	most    time.Duration
	until   atomic.Pointer[time.Time] // the node vouches for what it told until then, on our monotonic clock
	lapse   *time.Timer
	close   context.CancelFunc // ends the connection

	acks  []ack // to be sent
	ready chan struct{}
}

// ack is one session that was let go of. settled is closed when the node knows, or need not any more.
type ack struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`

	settled chan struct{}
}

// next waits for what is to be handed out.
func (f *follower) next() (*Lease, error) {
	for {
		if err := f.ctx.Err(); err != nil {
			return nil, err
		}
		if l, err := f.take(); l != nil || err != nil {
			return l, err
		}
		select {
		case <-f.wake:
		case <-f.ctx.Done():
		}
	}
}

func (f *follower) take() (*Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err; err != nil {
		f.err = nil
		return nil, err
	}
	for len(f.queue) > 0 {
		l := f.queue[0]
		f.queue = f.queue[1:]
		if s := f.slots[l.ID()]; s != nil && s.now == l && s.busy == nil && l.state == told {
			l.state, s.busy = held, l
			f.held++
			return l, nil
		}
	}
	return nil, nil
}

func (f *follower) stir() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run follows one stream after another.
func (f *follower) run() {
	fails := 0
	for f.ctx.Err() == nil {
		err := f.once()
		if err == nil {
			fails = 0
			continue
		}
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
		f.stir()
		p := &pool{all: []*address{{fails: fails}}}
		p.failed(p.all[0], retryOf(err))
		fails++
		_, wait := p.pick()
		_ = sleep(f.ctx, wait)
	}
}

func retryOf(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter
}

// once follows one stream to its end. It returns nil where the stream had begun.
func (f *follower) once() error {
	base, id, most, err := f.locate()
	if err != nil {
		return err
	}
	path, err := nodePath(id, "/assignments")
	if err != nil {
		return err
	}
	sent := time.Now()
	r := &request{method: http.MethodGet, path: path, accept: typeEvents}
	s, e := f.c.begin(f.ctx, context.WithoutCancel(f.ctx), r, base, newKey(), f.c.cfg.MaxAnswer)
	if e != nil {
		e.request = "GET " + path
		return e
	}
	defer s.close()
	if err := sameClock(s.date, sent, time.Now()); err != nil {
		return err
	}
	t := &term{f: f, base: base, id: id, most: most, close: s.cancel, ready: make(chan struct{}, 1)}
	f.begun(t)
	var sender sync.WaitGroup
	sending, stop := context.WithCancel(context.WithoutCancel(f.ctx))
	sender.Go(func() { t.sendAcks(sending) })
	stopped := context.AfterFunc(f.ctx, f.closeIdle)
	defer stopped()
	mine, why := t.read(s)
	f.ended(t, why)
	if mine { // the node sees nothing wrong: drop first, close then
		f.awaitIdle(t)
	}
	stop()
	sender.Wait()
	f.c.cfg.Log.InfoContext(f.ctx, "a stream of assignments ended", "node", id, "error", why)
	return nil
}

// locate finds the node: where it is, its id, and for how long at most it can vouch for anything: the time for which a beat keeps it
// registered, which the fleet tells by one clock.
func (f *follower) locate() (*address, string, time.Duration, error) {
	ctx, id, p := f.ctx, f.node, (*pool)(nil)
	var base *url.URL
	if strings.Contains(id, ":") { // as no id does
		var err error
		if base, err = parseAddr(id); err != nil {
			return nil, "", 0, invalid("node", "is neither a node's id nor its address: %v", err)
		}
		p = single(base)
		a, err := f.c.call(ctx, &request{method: http.MethodGet, path: "/livez", accept: "*/*", pool: p}, nil)
		if err != nil {
			return nil, "", 0, err
		}
		id = a.header.Get(nodeHeader)
	}
	path, err := nodePath(id, "")
	if err != nil {
		return nil, "", 0, err
	}
	var n Node
	if _, err := f.c.call(ctx, &request{method: http.MethodGet, path: path, pool: p}, &n); err != nil {
		return nil, "", 0, err
	}
	if base == nil {
		scheme := f.c.pool.scheme()
		if base, err = parseAddr(scheme + "://" + net.JoinHostPort(n.Host, strconv.Itoa(n.Port))); err != nil {
			return nil, "", 0, &Error{Code: CodeBrokenAnswer, Detail: "the node's address: " + err.Error(), Node: id, request: "GET " + path}
		}
	}
	return &address{base: base}, id, n.ExpiresAt.Sub(n.HeartbeatAt), nil
}

// sameClock refuses to follow a node whose clock is not ours: the moments that it names would be others here. Its answer's Date is of
// whole seconds.
func sameClock(date string, sent, came time.Time) error {
	d, err := http.ParseTime(date)
	if err != nil || d.Add(time.Second).After(sent) && !d.After(came) {
		return nil
	}
	return &Error{Code: CodeClockSkew, Detail: "the node's clock says " + d.Format(time.TimeOnly) + " and this machine's " +
		came.UTC().Format(time.TimeOnly) + ": follow a node from its own machine"}
}

// read takes in what the stream tells, to its end. mine: it is we who will not go on.
func (t *term) read(s *stream) (mine bool, why error) {
	for {
		ev, err := s.next()
		if err != nil {
			return errors.Is(err, errTooLong), err
		}
		if ev.name == "end" {
			return false, errors.New("the node ended it: " + string(ev.data))
		}
		if err := t.f.takeIn(t, ev); err != nil {
			return true, err
		}
	}
}

// idleLook is how often it is looked whether everything was released.
const idleLook = 20 * time.Millisecond

// awaitIdle waits until nothing of a term runs here, or the node's word has lapsed.
func (f *follower) awaitIdle(t *term) {
	until := t.until.Load()
	for until != nil && time.Now().Before(*until) && f.busy() {
		_ = sleep(context.WithoutCancel(f.ctx), idleLook)
	}
}

// assignmentEvent is an event of a stream of assignments.
type assignmentEvent struct {
	Watcher     string
	Until       time.Time
	Assignments []Assignment
	ID          string
	Epoch       uint64
	Session     Session
	Deadline    time.Time
}

// takeIn takes in one event; those that this version does not know mean nothing. It fails where it cannot be read.
func (f *follower) takeIn(t *term, ev event) error {
	if !slices.Contains([]string{"snapshot", "valid", "assigned", "revoked"}, ev.name) {
		return nil
	}
	now := time.Now() // by both clocks at once: what is left of a moment is told from here on by the monotonic one
	var in assignmentEvent
	if err := decode(ev.data, &in); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch ev.name {
	case "snapshot":
		t.watcher = in.Watcher
		t.vouched(now, in.Until)
		for _, a := range in.Assignments {
			f.assigned(t, a)
		}
	case "valid":
		t.vouched(now, in.Until)
	case "assigned":
		f.assigned(t, Assignment{in.ID, in.Epoch, in.Session})
	case "revoked":
		f.revoked(t, in.ID, in.Epoch, now.Add(left(now, in.Deadline)))
	}
	return nil
}

// left is how far a moment of the wall clock is from now, by that clock.
func left(now, at time.Time) time.Duration { return at.Round(0).Sub(now.Round(0)) }

// vouched puts off the moment at which all ends. What the node cannot mean, it did not say: the wall clock was set in between.
func (t *term) vouched(now, until time.Time) {
	d := left(now, until)
	if t.most > 0 {
		d = min(d, t.most)
	}
	at := now.Add(d)
	t.until.Store(&at)
	if t.lapse == nil {
		t.lapse = time.AfterFunc(d, func() { t.f.lapsed(t) })
		return
	}
	t.lapse.Reset(d)
}

// lapsed ends a term whose time is over.
func (f *follower) lapsed(t *term) {
	if until := t.until.Load(); time.Now().Before(*until) { // it was put off meanwhile
		return
	}
	f.ended(t, ErrLapsed)
	t.close()
}

// begun makes a stream the one that counts.
func (f *follower) begun(t *term) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.term = t
}

// assigned takes in a session that is to be run. It is handed out once the caller has released what it had of it.
func (f *follower) assigned(t *term, a Assignment) {
	if f.term != t || f.ctx.Err() != nil || !validID(a.ID) {
		return
	}
	s := f.slots[a.ID]
	if s == nil {
		s = &slot{}
		f.slots[a.ID] = s
	}
	t.forget(a.ID)
	l := &Lease{session: a.Session, epoch: a.Epoch, term: t, revoked: make(chan struct{}), settled: make(chan struct{})}
	l.session.ID = a.ID
	ctx, end := context.WithCancelCause(f.ctx)
	l.ctx, l.end = &leaseContext{ctx, l}, end
	s.now = l
	if s.busy == nil {
		f.queue = append(f.queue, l)
		f.stir()
	}
}

// revoked takes in that a session is asked for back. What nobody runs here is let go of at once.
func (f *follower) revoked(t *term, id string, epoch uint64, limit time.Time) {
	if f.term != t {
		return
	}
	s := f.slots[id]
	if s == nil || s.now == nil || s.now.epoch != epoch {
		t.ack(ack{id, epoch, make(chan struct{})})
		return
	}
	l := s.now
	l.revoke(limit)
	if l.state != held && s.busy == nil {
		f.settle(s, l)
	}
}

// settle gives back a session that was revoked and that nobody runs here.
func (f *follower) settle(s *slot, l *Lease) {
	l.end(ErrRevoked)
	l.timer.Stop()
	s.now = nil
	delete(f.slots, l.ID())
	l.term.ack(ack{l.ID(), l.epoch, l.settled})
}

// release takes a lease back from the caller. It returns what to wait for; nil: nothing.
func (f *follower) release(l *Lease) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer l.end(ErrReleased)
	s := f.slots[l.ID()]
	if l.state != held {
		if l.isRevoked() {
			return l.settled
		}
		return nil
	}
	l.state = released
	s.busy = nil
	f.held--
	defer f.closeIdleLocked()
	switch now := s.now; {
	case now == nil:
		delete(f.slots, l.ID())
		return nil
	case now.isRevoked():
		f.settle(s, now)
		if now == l {
			return l.settled
		}
		return nil
	case now != l:
		f.queue = append(f.queue, now)
		f.stir()
	}
	return nil
}

func (l *Lease) isRevoked() bool { return l.limit.Load() != nil }

// ended ends all that a stream has told. Once is enough.
func (f *follower) ended(t *term, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.term != t {
		return
	}
	f.term = nil
	if t.lapse != nil {
		t.lapse.Stop()
	}
	cause := ErrStreamLost
	if errors.Is(why, ErrLapsed) {
		cause = ErrLapsed
	}
	for id, s := range f.slots {
		if l := s.now; l != nil {
			l.end(cause)
			if l.timer != nil {
				l.timer.Stop()
			}
			s.now = nil
		}
		if s.busy == nil {
			delete(f.slots, id)
		}
	}
	f.queue = nil
	for _, a := range t.acks {
		close(a.settled)
	}
	t.acks = nil
}

// closeIdle closes the connection once the call has ended and nothing runs here any more.
func (f *follower) closeIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closeIdleLocked()
}

func (f *follower) closeIdleLocked() {
	if f.ctx.Err() != nil && f.term != nil && f.held == 0 {
		f.term.close()
	}
}

// busy reports whether the caller has a lease that it has not released.
func (f *follower) busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held > 0
}

// ack has it sent that a session was let go of.
func (t *term) ack(a ack) {
	if t.f.term != t {
		close(a.settled)
		return
	}
	t.acks = append(t.acks, a)
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

// forget takes back what is still to be said of a session that was assigned anew: the node knows.
func (t *term) forget(id string) {
	t.acks = slices.DeleteFunc(t.acks, func(a ack) bool {
		if a.ID == id {
			close(a.settled)
		}
		return a.ID == id
	})
}

// maxReleased is how many sessions one acknowledgement may name.
const maxReleased = 1000

// sendAcks tells the node what was let go of, together what comes at once, until ctx ends.
func (t *term) sendAcks(ctx context.Context) {
	for ctx.Err() == nil {
		batch, watcher := t.unsent()
		if len(batch) == 0 {
			select {
			case <-t.ready:
			case <-ctx.Done():
			}
			continue
		}
		if err := t.sendAck(ctx, watcher, batch); err != nil {
			t.f.c.cfg.Log.WarnContext(ctx, "an acknowledgement could not be sent", "node", t.id, "sessions", len(batch), "error", err)
			_ = sleep(ctx, firstRest)
			continue
		}
		t.sent(batch)
	}
}

func (t *term) unsent() (batch []ack, watcher string) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	return slices.Clone(t.acks[:min(maxReleased, len(t.acks))]), t.watcher
}

// sendAck makes one attempt: what was assigned anew before the next must not be acknowledged again.
func (t *term) sendAck(ctx context.Context, watcher string, batch []ack) error {
	path, err := nodePath(t.id, "/assignments/ack")
	if err != nil {
		return err
	}
	r, err := jsonRequest(http.MethodPost, path, map[string]any{"watcher": watcher, "released": batch})
	if err != nil {
		return err
	}
	if _, e := t.f.c.once(ctx, r, t.base, newKey()); e != nil && e.Code != "watcher-not-found" { // its stream has ended: nothing is asked for
		return e
	}
	return nil
}

// sent settles what the node knows now.
func (t *term) sent(batch []ack) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	t.acks = slices.DeleteFunc(t.acks, func(a ack) bool {
		known := slices.ContainsFunc(batch, func(b ack) bool { return a.settled == b.settled })
		if known {
			close(a.settled)
		}
		return known
	})
}
