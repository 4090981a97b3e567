package peers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"orchestrator/internal/session"
)

// limits of one peer's watch.
type limits struct {
	interval time.Duration // between two health calls
	dial     time.Duration // for one connection
	call     time.Duration // for one answer
}

// shortest pause before a connection that ended unused is made again; it doubles each time.
const shortestPause = 10 * time.Millisecond

// peer is one incarnation that this node watches.
type peer struct {
	limits  limits
	address string // host:port as it registered it

	mu      sync.Mutex
	node    session.Node // as the view showed it last
	verdict verdict

	// What follows belongs to the goroutine in follow.
	next   time.Time     // when the next health call is due
	closed string        // where a connection that the peer has answered on led, which has ended since; empty: there is none
	pause  time.Duration // before the next connection, where the last one ended unused

	told bool // Run's own: a verdict against it was reported and not taken back
}

func newPeer(n session.Node, l limits) *peer {
	return &peer{limits: l, address: addressOf(n), node: n, next: time.Now()}
}

func addressOf(n session.Node) string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// follow keeps a connection to the peer until ctx ends, or until a burial is settled: then there is nothing left to watch.
func (p *peer) follow(ctx context.Context, bury func(closed time.Time) (settled bool)) {
	ended := time.Now() // the last connection
	for ctx.Err() == nil {
		conn, err := p.dial(ctx)
		switch {
		case err == nil:
			p.hold(ctx, conn)
			ended = time.Now()
		case errors.Is(err, syscall.ECONNREFUSED) && p.closed != "":
			if bury(ended) {
				p.settle()
				return
			}
			p.failed(ctx, "it refuses connections")
		case errors.Is(err, syscall.ECONNRESET): // made, and ended before this process looked
			p.unused(ctx)
		default:
			p.closed = ""
			p.failed(ctx, "it cannot be connected to: "+reason(err))
		}
	}
}

// dial goes where the last connection led, if that is to be known, else to the peer's advertised address.
func (p *peer) dial(ctx context.Context) (net.Conn, error) {
	dialer, to := net.Dialer{Timeout: p.limits.dial}, p.address
	if p.closed != "" {
		to = p.closed
	}
	return dialer.DialContext(ctx, "tcp", to)
}

// hold uses one connection for as long as it lasts, and returns when it is time for another.
func (p *peer) hold(ctx context.Context, conn net.Conn) {
	l := newLine(ctx, conn, p.address)
	defer l.close()
	answered, err := p.converse(l)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errGarbled):
		p.closed = ""
		p.failed(ctx, err.Error())
	case answered:
		p.closed, p.pause = l.remote(), 0
	default:
		p.unused(ctx)
	}
}

// unused takes in a connection that ended before it carried an answer. Where an earlier one had carried some, the process may be ending and its
// port be closed in a moment: it is looked at again soon.
func (p *peer) unused(ctx context.Context) {
	if p.closed == "" || !time.Now().Before(p.next) {
		p.failed(ctx, "it ends connections unanswered")
		return
	}
	p.pause = min(max(2*p.pause, shortestPause), p.limits.interval)
	sleepUntil(ctx, time.Now().Add(p.pause))
}

// failed takes in a health call that could not be made, and waits until the next is due.
func (p *peer) failed(ctx context.Context, why string) {
	p.fails(why)
	p.schedule()
	sleepUntil(ctx, p.next)
}

// converse calls at each interval until the connection is of no more use, and says whether its last word was in the peer's name.
func (p *peer) converse(l *line) (answered bool, err error) {
	for {
		if err := l.rest(p.next); err != nil {
			return answered, err
		}
		p.schedule()
		a, err := l.call(p.limits.call)
		switch {
		case errors.Is(err, errLate):
			p.fails(fmt.Sprintf("no answer within %s", p.limits.call))
		case err != nil:
			return answered, err
		default:
			answered = p.judge(a)
		}
	}
}

// judge takes in one answer and reports whether the peer itself gave it.
func (p *peer) judge(a answer) bool {
	p.closed = "" // somebody is there: the end of an earlier connection was not this incarnation's
	switch {
	case a.node == "":
		p.fails("what answers at its address does not say who it is")
	case session.NodeID(a.node) != p.seen().Node:
		p.fails("another node answers at its address: " + a.node)
	case a.status == http.StatusOK:
		p.serves()
	case a.status == http.StatusServiceUnavailable && p.seen().State == session.Draining:
	default:
		p.fails(fmt.Sprintf("/readyz answers %d", a.status))
	}
	return session.NodeID(a.node) == p.seen().Node
}

// schedule sets when the next health call is due.
func (p *peer) schedule() {
	tenth := p.limits.interval / 10
	p.next = time.Now().Add(p.limits.interval - tenth + rand.N(2*tenth+1))
}

func (p *peer) seen() session.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node
}

// see takes in what the view shows of the peer now.
func (p *peer) see(n session.Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.node = n
}

// reason leaves out of a dialer's error what its reader knows: the addresses.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

func sleepUntil(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
