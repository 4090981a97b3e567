package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
)

const patience = 10 * time.Second

// leasesOf ranges over a node's leases in the background; every error fails the test unless it is expected.
func leasesOf(t *testing.T, ctx context.Context, c *client.Client, node string) (leases chan *client.Lease, errs chan error) {
	t.Helper()
	leases, errs = make(chan *client.Lease, 10), make(chan error, 100)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for l, err := range c.Follow(ctx, node) {
			if err != nil {
				errs <- err
				continue
			}
			leases <- l
		}
	}()
	t.Cleanup(func() { await(t, over) })
	return leases, errs
}

func await[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("it did not come")
	}
	return v
}

func nothingComes[T any](t *testing.T, from <-chan T, why string) {
	t.Helper()
	select {
	case <-from:
		t.Fatal(why)
	case <-time.After(100 * time.Millisecond):
	}
}

// A node that tells no more until when it may act: the lease ends by our own clock, before the node's word is over.
func TestALeaseEndsWhenTheNodesWordHasLapsed(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1")
	f.Validity = 2 * time.Second
	c := f.client(t)
	made, err := c.CreateSession(t.Context(), someDraft)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leases, _ := leasesOf(t, ctx, c, f.servers[0].URL)
	l := await(t, leases)
	if l.ID() != made.ID {
		t.Fatalf("%+v", l.Session())
	}
	nothingComes(t, l.Context().Done(), "it ended though the node vouches for it")
	<-time.After(3 * time.Second) // it is put off again and again
	if err := l.Context().Err(); err != nil {
		t.Fatal(err)
	}
	f.Silence("node-1", true)
	await(t, l.Context().Done())
	if why := context.Cause(l.Context()); !errors.Is(why, client.ErrLapsed) && !errors.Is(why, client.ErrStreamLost) {
		t.Fatal(why)
	}
	f.Silence("node-1", false)
	nothingComes(t, leases, "another lease came before the first was released")
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if next := await(t, leases); next.ID() != made.ID || next.Context().Err() != nil {
		t.Fatal("no lease came anew")
	} else {
		defer func() { _ = next.Release(t.Context()) }()
	}
	cancel()
}

// The end of a stream ends every lease at once; the session comes again when the node is back, and not before the former lease is released.
func TestALeaseEndsWithItsStream(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	d := someDraft
	d.Placement.Node = "node-2"
	if _, err := c.CreateSession(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leases, errs := leasesOf(t, ctx, c, "node-2")
	l := await(t, leases)
	f.Stop("node-2")
	await(t, l.Context().Done())
	if why := context.Cause(l.Context()); !errors.Is(why, client.ErrStreamLost) {
		t.Fatal(why)
	}
	if err := await(t, errs); !errors.Is(err, client.ErrUnavailable) {
		t.Fatal(err)
	}
	f.Start("node-2")
	nothingComes(t, leases, "another lease came before the first was released")
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	next := await(t, leases)
	cancel()
	await(t, next.Context().Done())
	if err := next.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Told to end, the follower keeps its connection until what it ran has stopped: the node must not believe sooner that nobody runs it.
func TestTheConnectionIsClosedLast(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	d := someDraft
	d.Placement.Node = "node-1"
	made, err := c.CreateSession(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leases, _ := leasesOf(t, ctx, c, "node-1")
	l := await(t, leases)
	if left := time.Until(l.Until()); left <= 0 || left > f.Validity || !l.Deadline().IsZero() {
		t.Errorf("vouched for another %s of %s, to be let go by %s", left, f.Validity, l.Deadline())
	}
	cancel()
	await(t, l.Context().Done())
	moved := make(chan error, 1)
	go func() {
		_, err := c.MigrateSession(context.WithoutCancel(ctx), made.ID, "node-2")
		moved <- err
	}()
	await(t, l.Revoked())
	if left := time.Until(l.Deadline()); left > f.RevokeTimeout {
		t.Errorf("to be let go within %s, more than %s", left, f.RevokeTimeout)
	}
	nothingComes(t, moved, "it was moved while it ran")
	if !f.Held(made.ID) {
		t.Fatal("the node believes that nobody runs it")
	}
	if err := l.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := await(t, moved); err != nil {
		t.Fatal(err)
	}
}

// Run has one call of work for a session at a time, through revocation, return and the end of everything.
func TestRunHasOneWorkerForASession(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	d := someDraft
	d.Placement.Node = "node-1"
	made, err := c.CreateSession(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at atomic.Int64
	epochs := make(chan uint64, 100)
	over := make(chan error, 2)
	for _, node := range []string{"node-1", "node-2"} {
		go func() {
			over <- c.Run(ctx, node, func(ctx context.Context, l *client.Lease) {
				if at.Add(1) != 1 {
					t.Error("two run one session")
				}
				epochs <- l.Epoch()
				select {
				case <-l.Revoked():
				case <-ctx.Done():
				}
				<-time.After(20 * time.Millisecond)
				at.Add(-1)
			})
		}()
	}
	for epoch := uint64(1); epoch <= 6; epoch++ {
		if got := await(t, epochs); got != epoch {
			t.Fatalf("epoch %d, want %d", got, epoch)
		}
		if epoch < 6 {
			if _, err := c.MigrateSession(ctx, made.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	for range 2 {
		if err := await(t, over); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if at.Load() != 0 {
		t.Fatal("something runs after the end")
	}
	for began := time.Now(); f.Held(made.ID); { // until the node sees that the connection was closed
		if <-time.After(5 * time.Millisecond); time.Since(began) > patience {
			t.Fatal("the node does not learn that nothing is held")
		}
	}
}

func TestRunFailsWhereNothingWouldHelp(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	c := f.client(t)
	never := func(context.Context, *client.Lease) { t.Error("called") }
	if err := c.Run(t.Context(), "nobody", never); !errors.Is(err, client.ErrNotFound) {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), "no/body", never); !errors.Is(err, client.ErrInvalid) {
		t.Fatal(err)
	}
	f.Reached("node-1", f.servers[1].Listener.Addr().String()) // another one has its address
	if err := c.Run(t.Context(), "node-1", never); !errors.Is(err, client.ErrWrongNode) {
		t.Fatal(err)
	}
}

// tapped is a node that says when it begins to answer with a stream.
type tapped struct {
	http.Handler

	begun chan struct{}
}

func (n tapped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/assignments") {
		w = &tap{w, n.begun}
	}
	n.Handler.ServeHTTP(w, r)
}

type tap struct {
	http.ResponseWriter

	begun chan struct{}
}

func (w *tap) WriteHeader(status int) {
	w.ResponseWriter.WriteHeader(status)
	w.begun <- struct{}{}
}

func (w *tap) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A node answers before it is registered, and may be registered no more when it is back: whoever has its address, or has followed it, waits for
// that, though it had no session to run.
func TestRunWaitsForARegistration(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"it begins": true, "it is back": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := clienttest.New("node-1")
			n := tapped{f.Node("node-1"), make(chan struct{}, 100)}
			s := httptest.NewServer(n)
			t.Cleanup(s.Close)
			f.Reached("node-1", s.Listener.Addr().String())
			c := newClient(t, client.Config{Addrs: []string{s.URL}})
			node := "node-1"
			if before {
				node = s.URL
				f.Fail("node-1", 2, 404, "node-not-found", false)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ran, over := make(chan struct{}, 10), make(chan error, 1)
			go func() {
				over <- c.Run(ctx, node, func(ctx context.Context, _ *client.Lease) { ran <- struct{}{}; <-ctx.Done() })
			}()
			await(t, n.begun)
			if !before {
				f.Fail("node-1", 2, 404, "node-not-found", false)
				f.Stop("node-1")
				f.Start("node-1")
				await(t, n.begun)
			}
			if _, err := c.CreateSession(ctx, someDraft); err != nil {
				t.Fatal(err)
			}
			await(t, ran)
			cancel()
			if err := await(t, over); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	}
}

// A process that does not let go is cut off: its lease has ended before the session runs elsewhere.
func TestAnUnreleasedLeaseIsCutOff(t *testing.T) {
	t.Parallel()
	f := serve(t, "node-1", "node-2")
	f.RevokeTimeout, f.Validity = 200*time.Millisecond, 800*time.Millisecond
	c := f.client(t)
	d := someDraft
	d.Placement.Node = "node-1"
	made, err := c.CreateSession(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leases, _ := leasesOf(t, ctx, c, "node-1")
	l := await(t, leases)
	after, err := c.MigrateSession(ctx, made.ID, "node-2") // which waits for nobody for ever
	if err != nil || after.Epoch != 2 {
		t.Fatalf("%+v, %v", after, err)
	}
	if l.Context().Err() == nil {
		t.Fatal("the lease is held though the session was moved")
	}
	if why := context.Cause(l.Context()); !errors.Is(why, client.ErrRevoked) {
		t.Fatal(why)
	}
	for range 2 { // to release twice does no harm
		soon, end := context.WithTimeout(ctx, 5*time.Second)
		if err := l.Release(soon); err != nil {
			t.Fatal(err)
		}
		end()
	}
	cancel()
}
