package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest/scratch"
)

// Limits of the harness itself; a test has its own, shorter ones.
const (
	startTimeout  = 60 * time.Second // until a started server answers, or a new cluster is whole; a busy machine takes half of it
	actionTimeout = 30 * time.Second // for one signal or one administrative exchange
	pollInterval  = 5 * time.Millisecond
	startAttempts = 5 // each on other ports
)

// Node is one redis-server. Its methods fail the test when they cannot do what
// they say.
type Node struct {
	name  string
	inst  instance
	ports []*scratch.Port // for clients and for the cluster bus
	front *front          // nil: everybody reaches the server itself
	auth  credentials
	away  atomic.Bool // killed or paused: nobody asks it anything
}

// errPortTaken says that a stranger bound a reserved port before the server did.
var errPortTaken = errors.New("port taken")

// launch starts one server and waits until it answers, choosing other ports
// when somebody was faster.
func launch(ctx context.Context, b backend, name string, s *settings) (*Node, error) {
	var err error
	for range startAttempts {
		var n *Node
		if n, err = launchOnce(ctx, b, name, s); err == nil {
			return n, nil
		}
		if !isPortTaken(err) {
			return nil, err
		}
	}
	return nil, err
}

func launchOnce(ctx context.Context, b backend, name string, s *settings) (*Node, error) {
	n := &Node{name: name, auth: s.admin(), ports: make([]*scratch.Port, 0, 2)}
	for range cap(n.ports) {
		p, err := scratch.Reserve()
		if err != nil {
			n.releasePorts()
			return nil, err
		}
		n.ports = append(n.ports, p)
	}
	err := n.proxy(s)
	if err == nil {
		n.inst, err = b.start(ctx, name, func(dir string) map[string]string { return s.files(dir, n.place()) })
	}
	if err != nil {
		n.releasePorts()
		return nil, fmt.Errorf("redis %s: %w", name, err)
	}
	if err := n.awaitAnswer(ctx); err != nil {
		return nil, errors.Join(err, n.remove(ctx))
	}
	return n, nil
}

// awaitAnswer waits until the server answers PING, or says why it exited.
func (n *Node) awaitAnswer(ctx context.Context) error {
	client := redis.NewClient(n.options())
	defer client.Close()
	var last error
	err := poll(ctx, startTimeout, func(ctx context.Context) (bool, error) {
		if last = n.listening(ctx); last == nil {
			last = client.Ping(ctx).Err()
		}
		if last == nil {
			return true, nil
		}
		if n.inst.running(ctx) {
			return false, nil
		}
		if logs := n.inst.logs(ctx); strings.Contains(logs, "Address already in use") {
			return false, errPortTaken
		} else {
			return false, fmt.Errorf("exited at start:\n%s", logs)
		}
	})
	if err != nil {
		return fmt.Errorf("redis %s on %s: %w (last answer: %v)", n.name, n.Addr(), err, last)
	}
	return nil
}

// listening dials by hand first, for the client library logs each refusal.
func (n *Node) listening(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", n.Direct())
	if err != nil {
		return err
	}
	return conn.Close()
}

func (n *Node) options() *redis.Options {
	return &redis.Options{
		Addr: n.Direct(), Username: n.auth.user, Password: n.auth.password,
		MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1, PoolSize: 2,
		DisableIdentity: true,
	}
}

// Addr is where clients reach the node: 127.0.0.1 and a port.
func (n *Node) Addr() string {
	if n.front != nil {
		return n.front.clients.Addr()
	}
	return n.Direct()
}

// Direct is where the server itself listens, past a proxy before it.
func (n *Node) Direct() string { return n.ports[0].Addr() }

func (n *Node) String() string { return n.name + "@" + n.Addr() }

// Admin returns a client of this node alone, with every right, that is closed
// with the test. No proxy stands in its way.
func (n *Node) Admin(tb testing.TB) *redis.Client {
	tb.Helper()
	c := redis.NewClient(n.options())
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Kill ends the node with SIGKILL and waits until it is gone.
func (n *Node) Kill(tb testing.TB) {
	tb.Helper()
	n.away.Store(true)
	n.do(tb, "kill", n.inst.kill)
}

// Pause stops the node with SIGSTOP: its connections stay open, nothing answers.
func (n *Node) Pause(tb testing.TB) {
	tb.Helper()
	n.away.Store(true)
	n.do(tb, "pause", n.inst.pause)
}

// Resume lets a paused node go on where it stopped.
func (n *Node) Resume(tb testing.TB) {
	tb.Helper()
	n.do(tb, "resume", n.inst.resume)
	n.away.Store(false)
}

// Restart starts a killed node again on its own ports and data, and waits
// until it answers.
func (n *Node) Restart(tb testing.TB) {
	tb.Helper()
	n.do(tb, "restart", n.inst.restart)
	n.do(tb, "answer", n.awaitAnswer)
	n.away.Store(false)
}

// Logs returns what the server wrote so far.
func (n *Node) Logs(tb testing.TB) string {
	tb.Helper()
	return n.inst.logs(context.WithoutCancel(tb.Context()))
}

// configure sets one directive of a running server.
func (n *Node) configure(ctx context.Context, name string, value any) error {
	client := redis.NewClient(n.options())
	defer client.Close()
	return client.Do(ctx, "CONFIG", "SET", name, value).Err()
}

func (n *Node) do(tb testing.TB, what string, action func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), actionTimeout)
	defer cancel()
	if err := action(ctx); err != nil {
		tb.Fatalf("redistest: %s %s: %v", what, n, err)
	}
}

func (n *Node) remove(ctx context.Context) error {
	defer n.releasePorts()
	return n.inst.remove(ctx)
}

func (n *Node) releasePorts() {
	n.front.close()
	for _, p := range n.ports {
		p.Release()
	}
}

func isPortTaken(err error) bool { return errors.Is(err, errPortTaken) }
