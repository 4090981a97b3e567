package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// steady is a node whose own checks always pass.
type steady struct{}

func (steady) Ready(context.Context) []session.Check { return []session.Check{{Name: "redis"}} }

// diary holds what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, ", ")
}

// stand is a node with a handler that keeps requests until told.
type stand struct {
	node
	url                         string
	diary                       diary
	arrived, departed, released chan struct{}
}

func newStand(t *testing.T) *stand {
	t.Helper()
	l, err := listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &stand{url: "http://" + l.Addr().String(), arrived: make(chan struct{}), departed: make(chan struct{}), released: make(chan struct{})}
	b.node = node{
		name: "a", listener: l, gate: &gate{Health: steady{}}, log: slog.New(slog.DiscardHandler), patience: 10 * time.Second,
		server: &http.Server{Handler: http.HandlerFunc(b.handle), ReadHeaderTimeout: time.Second},
		loops:  func(ctx context.Context) error { <-ctx.Done(); b.diary.note("work ended"); return nil },
		retire: func(context.Context) int { b.diary.note("handed over"); return 0 },
		depart: func(context.Context) { b.diary.note("departed"); close(b.departed) },
		close:  func() error { b.diary.note("closed redis"); return nil },
	}
	return b
}

func (b *stand) handle(w http.ResponseWriter, r *http.Request) {
	close(b.arrived)
	select {
	case <-b.released:
		b.diary.note("answered")
	case <-r.Context().Done():
		b.diary.note("cut off")
	}
}

// start runs the node until end is called, and returns where its result will be.
func (b *stand) start(t *testing.T) (end context.CancelFunc, result <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.run(ctx) }()
	return cancel, done
}

// ask sends a request and returns where it will be known whether it was answered.
func (b *stand) ask(t *testing.T) <-chan error {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(chan error, 1)
	go func() {
		resp, err := client.Get(b.url)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		answered <- err
	}()
	return answered
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

func TestANodeStopsInTheOrderThatNobodyNotices(t *testing.T) {
	t.Parallel()
	b := newStand(t)
	end, result := b.start(t)
	answer := b.ask(t)
	await(t, "the request arrives", b.arrived)
	end()
	await(t, "the node leaves the fleet while it serves", b.departed)
	close(b.released)
	if err := await(t, "the request is answered", answer); err != nil {
		t.Errorf("a request in flight failed: %v", err)
	}
	if err := await(t, "the node ends", result); err != nil {
		t.Error(err)
	}
	if got := b.diary.String(); got != "handed over, departed, answered, work ended, closed redis" {
		t.Errorf("it went: %s", got)
	}
	if checks := b.gate.Ready(t.Context()); !errors.Is(checks[0].Err, session.ErrDraining) {
		t.Errorf("readiness at the end: %+v", checks)
	}
}

func TestANotReadyNodeStillServes(t *testing.T) {
	t.Parallel()
	b := newStand(t)
	b.drainDelay = time.Hour
	failed := make(chan error)
	b.loops = func(context.Context) error { return <-failed }
	end, result := b.start(t)
	end()
	close(b.released)
	if err := await(t, "an answer within the delay", b.ask(t)); err != nil {
		t.Errorf("a node that is no longer ready refuses: %v", err)
	}
	failed <- errors.New("lost its name")
	if err := await(t, "the node ends", result); err == nil || err.Error() != "lost its name" {
		t.Errorf("ended with %v", err)
	}
}

// Somebody may uncordon a node that has handed everything over and still serves, and others give it sessions.
func TestWhatComesToANodeThatStopsIsHandedOver(t *testing.T) {
	t.Parallel()
	b := newStand(t)
	b.drainDelay = retireAgain * 3 / 2
	var owned, looks atomic.Int32
	b.retire = func(context.Context) int {
		owned.Store(0)
		if looks.Add(1) == 1 {
			owned.Store(1) // it comes just after
		}
		return 0
	}
	end, result := b.start(t)
	end()
	await(t, "the node leaves the fleet", b.departed)
	if owned.Load() != 0 {
		t.Error("it leaves with a session")
	}
	if err := await(t, "the node ends", result); err != nil {
		t.Error(err)
	}
}

func TestARequestThatDoesNotEndIsCutOff(t *testing.T) {
	t.Parallel()
	b := newStand(t)
	b.patience = 20 * time.Millisecond
	end, result := b.start(t)
	answer := b.ask(t)
	await(t, "the request arrives", b.arrived)
	end()
	if err := await(t, "the node ends", result); err != nil {
		t.Error(err)
	}
	if err := await(t, "the request ends", answer); err == nil {
		t.Error("the request was answered")
	}
}

func TestANodeEndsWithItsLoops(t *testing.T) {
	t.Parallel()
	b := newStand(t)
	b.loops = func(context.Context) error { return errors.New("another process holds the name") }
	_, result := b.start(t)
	if err := await(t, "the node ends", result); err == nil || !strings.Contains(err.Error(), "holds the name") {
		t.Errorf("ended with %v", err)
	}
	if got := b.diary.String(); got != "closed redis" {
		t.Errorf("it went: %s", got)
	}
}

func TestTakenPortsAreNamed(t *testing.T) {
	t.Parallel()
	l, err := listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]net.Listener{l})
	_, err = listenUp(t.Context(), "127.0.0.1", portOf(l), 2)
	if err == nil || !strings.Contains(err.Error(), "is taken by another process") {
		t.Errorf("got %v", err)
	}
}
