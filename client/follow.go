package client

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
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
// Run returns ctx's error when that ends and all work has returned. It goes on through the loss of the node, and where node is an address also
// before it is registered; another error is one that would not pass by itself. See Follow for node.
func (c *Client) Run(ctx context.Context, node string, work func(ctx context.Context, l *Lease)) error {
	var working sync.WaitGroup
	defer working.Wait()
	for l, err := range c.Follow(ctx, node) {
		var e *Error
		switch {
		case err == nil:
			working.Go(func() {
				defer l.let(ctx)
				work(l.Context(), l)
			})
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &e) && !e.passing() && !e.returns:
			return err
		default:
			c.cfg.Log.WarnContext(ctx, "no assignments for now", "node", node, "error", err)
		}
	}
	return ctx.Err()
}

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

	known bool // a stream had begun; it is the reader's

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
		var e *Error
		if errors.As(err, &e) {
			e.returns = f.comesBack(e)
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

// comesBack reports whether the node may be on its way back though it is not registered, or another one has its address.
func (f *follower) comesBack(e *Error) bool {
	switch {
	case errors.Is(e, ErrNotFound): // who answers at its own address registers
		return f.known || f.byAddress()
	case errors.Is(e, ErrWrongNode):
		return f.known
	}
	return false
}

// byAddress reports whether the caller named the node by its address: no id has a colon.
func (f *follower) byAddress() bool { return strings.Contains(f.node, ":") }

func retryOf(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter
}

// once follows one stream to its end. It returns nil where that had told something, all of which could be read.
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
	f.known = true
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
	switch {
	case mine:
		return brokenEvent(path, why)
	case t.until.Load() == nil:
		return &Error{Code: CodeNoAnswer, Detail: "the stream ended before it told anything: " + why.Error(), Err: why, Node: id, request: "GET " + path}
	}
	return nil
}

// locate finds the node: where it is, its id, and for how long at most it can vouch for anything: the time for which a beat keeps it
// registered, which the fleet tells by one clock.
func (f *follower) locate() (*address, string, time.Duration, error) {
	ctx, id, p := f.ctx, f.node, (*pool)(nil)
	var base *url.URL
	if f.byAddress() {
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

// idleLook is how often it is looked whether everything was released.
const idleLook = 20 * time.Millisecond

// awaitIdle waits until nothing of a term runs here, or the node's word has lapsed.
func (f *follower) awaitIdle(t *term) {
	until := t.until.Load()
	for until != nil && time.Now().Before(*until) && f.busy() {
		_ = sleep(context.WithoutCancel(f.ctx), idleLook)
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
