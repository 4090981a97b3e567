package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Why a lease's context ended, as context.Cause tells it. Where the context given to Follow ended, it is that one's cause.
var (
	// ErrRevoked: the node took the session back, and the time to stop it is over.
	ErrRevoked = errors.New("the session was revoked")
	// ErrLapsed: the node has not said in time that it still vouches for its sessions.
	ErrLapsed = errors.New("the node's word has lapsed")
	// ErrStreamLost: the stream of assignments ended; with it ends everything that it told.
	ErrStreamLost = errors.New("the stream of assignments ended")
	// ErrReleased: the lease was released.
	ErrReleased = errors.New("the lease was released")
)

// Lease is the right to run one session under one epoch, for as long as its context lives. Send Epoch with every write for the session
// (Condition, Publication): what a lease cannot prevent, a process that was stopped and goes on later, is refused by that.
type Lease struct {
	session Session
	epoch   uint64
	term    *term
	ctx     *leaseContext
	end     context.CancelCauseFunc
	revoked chan struct{}
	limit   atomic.Pointer[time.Time] // when it must be let go of; nil: it is not revoked

	// Guarded by the follower's lock.
	state   leaseState
	timer   *time.Timer // of limit
	settled chan struct{}
}

type leaseState int

const (
	told     leaseState = iota // nobody has it yet
	held                       // the caller has it
	released                   // the caller had it
)

// Session returns the session as it was when it was assigned.
func (l *Lease) Session() Session { return l.session }

// ID returns the session's id.
func (l *Lease) ID() string { return l.session.ID }

// Epoch returns the epoch under which the session is held.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Context returns a context that ends when the session must not be run any more: at the deadline of its revocation, when the node's word has
// lapsed, with the stream, or with the context given to Follow. The times are counted on this process's monotonic clock, and its Err looks at
// the clock each time: a process that was stopped for a while must ask it before it acts.
func (l *Lease) Context() context.Context { return l.ctx }

// Revoked returns a channel that is closed when the node asks for the session back. Stop it then and release the lease; the context ends at
// the deadline, which may be at once.
func (l *Lease) Revoked() <-chan struct{} { return l.revoked }

// Until returns up to when the node vouches for the lease as things stand, on this process's monotonic clock. The node puts it off again and
// again; if it does not, the context ends then. It is for who must have stopped by then and takes a while to.
func (l *Lease) Until() time.Time {
	until := l.term.until.Load()
	if until == nil {
		return time.Time{}
	}
	return *until
}

// Deadline returns when a session that is Revoked must be let go of, on this process's monotonic clock; the zero time where it is not.
func (l *Lease) Deadline() time.Time {
	limit := l.limit.Load()
	if limit == nil {
		return time.Time{}
	}
	return *limit
}

// Release says that the session runs here no more. It ends the context, and where the session was revoked it waits until the node has the
// acknowledgement. Every lease must be released, whatever ended it: until then Follow hands out no other for the session, and does not
// return. To release twice does no harm. An error means that the node could not be told in time; there is nothing left to do about it.
func (l *Lease) Release(ctx context.Context) error {
	settled := l.term.f.release(l)
	if settled == nil {
		return nil
	}
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over returns why the lease has ended, by the clock as it stands; nil: it has not.
func (l *Lease) over() error {
	now := time.Now()
	if limit := l.limit.Load(); limit != nil && !now.Before(*limit) {
		return ErrRevoked
	}
	if until := l.term.until.Load(); until != nil && !now.Before(*until) {
		return ErrLapsed
	}
	return nil
}

// revoke asks for the session back until a moment.
func (l *Lease) revoke(limit time.Time) {
	l.limit.Store(&limit)
	close(l.revoked)
	l.timer = time.AfterFunc(time.Until(limit), func() { l.end(ErrRevoked) })
}

// leaseContext is a context that also ends when its time is over and no timer has said so yet.
type leaseContext struct {
	context.Context

	lease *Lease
}

// Err returns why the context has ended; nil: it has not.
func (c *leaseContext) Err() error {
	if why := c.lease.over(); why != nil {
		c.lease.end(why)
	}
	return c.Context.Err()
}
