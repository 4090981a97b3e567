package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const limit = 30 * time.Second // for what is meant to happen at once, on a busy machine

// fleet stands for a node and the API. What comes is handed to the test over channels that never fill up.
type fleet struct {
	mu       sync.Mutex
	identity Identity
	sessions map[string]Session
	inputs   map[string][]Input
	more     chan struct{} // closed when inputs come
	gone     string        // cursors before it are
	fail     func(op string) error
	keys     map[string]bool

	lines   chan *wire
	acks    chan Released
	said    chan Message
	reports chan Report
}

// wire is one stream.
type wire struct {
	events chan Event
	over   <-chan struct{} // the runner has closed it
}

func newFleet(sessions ...Session) *fleet {
	f := &fleet{identity: Identity{Node: "node-1", Version: "test", Routes: needed}, sessions: map[string]Session{}, inputs: map[string][]Input{},
		more: make(chan struct{}), keys: map[string]bool{}, lines: make(chan *wire, 1000), acks: make(chan Released, 100_000),
		said: make(chan Message, 100_000), reports: make(chan Report, 100_000)}
	for _, s := range sessions {
		f.sessions[s.ID] = s
	}
	return f
}

// failing makes calls fail.
func (f *fleet) failing(fail func(op string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *fleet) broken(op string) error {
	if f.fail == nil {
		return nil
	}
	return f.fail(op)
}

func (f *fleet) Identify(context.Context) (Identity, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.identity, f.broken("identify")
}

func (f *fleet) Follow(ctx context.Context, _ string, take func(Event)) error {
	l := &wire{make(chan Event), ctx.Done()}
	f.lines <- l
	for {
		select {
		case ev, ok := <-l.events:
			if !ok {
				return nil
			}
			take(ev)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fleet) Ack(_ context.Context, _, watcher string, released []Released) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken("ack"); err != nil {
		return err
	}
	if watcher != "w" {
		return ErrLost
	}
	for _, r := range released {
		f.acks <- r
	}
	return nil
}

func (f *fleet) held(id string, epoch uint64) (Session, error) {
	s, ok := f.sessions[id]
	if !ok || s.Epoch != epoch {
		return s, fmt.Errorf("epoch %d: %w", epoch, ErrLost)
	}
	return s, nil
}

func (f *fleet) Get(_ context.Context, id string) (Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.sessions[id]
	if !ok {
		return s, ErrLost
	}
	s.Labels = maps.Clone(s.Labels)
	return s, f.broken("get")
}

func (f *fleet) Report(_ context.Context, id string, epoch uint64, r Report) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken("report"); err != nil {
		return err
	}
	s, err := f.held(id, epoch)
	if err != nil {
		return err
	}
	if r.Status != "" {
		s.Status = r.Status
	}
	s.Labels = maps.Clone(s.Labels)
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	for k, v := range r.Labels {
		if v == nil {
			delete(s.Labels, k)
		} else {
			s.Labels[k] = *v
		}
	}
	f.sessions[id] = s
	f.reports <- r
	return nil
}

func (f *fleet) Publish(_ context.Context, id string, epoch uint64, key string, all []Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.broken("publish"); err != nil {
		return err
	}
	if _, err := f.held(id, epoch); err != nil {
		return err
	}
	if f.keys[key] {
		return nil
	}
	f.keys[key] = true
	for _, m := range all {
		f.said <- m
	}
	return nil
}

func (f *fleet) Inputs(ctx context.Context, id, after string, take func(Input) error) error {
	for {
		f.mu.Lock()
		behind, _ := strconv.Atoi(after)
		oldest, _ := strconv.Atoi(f.gone)
		if behind < oldest {
			f.mu.Unlock()
			return &GoneError{Oldest: f.gone}
		}
		todo, more := slices.Clone(f.inputs[id][behind:]), f.more
		f.mu.Unlock()
		for _, in := range todo {
			if err := take(in); err != nil {
				return err
			}
			after = in.ID
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// input publishes inputs whose ids count from 1.
func (f *fleet) input(id string, texts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range texts {
		data, _ := json.Marshal(text)
		f.inputs[id] = append(f.inputs[id], Input{strconv.Itoa(len(f.inputs[id]) + 1), data})
	}
	close(f.more)
	f.more = make(chan struct{})
}

func (f *fleet) session(id string) Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[id]
}

// move gives a session its next epoch.
func (f *fleet) move(id string) Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessions[id]
	s.Epoch++
	f.sessions[id] = s
	return s
}

// await takes the next value.
func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatal("waited in vain for " + what)
		panic("not reached")
	}
}

// none checks that nothing has come.
func none[T any](t *testing.T, what string, from <-chan T) {
	t.Helper()
	select {
	case v := <-from:
		t.Fatalf("%s: %v", what, v)
	default:
	}
}

// site is a runner over a fleet, and a directory for what its children do.
type site struct {
	t     *testing.T
	fleet *fleet
	dir   string
	end   context.CancelFunc
	ended chan error
}

// start runs a shell script for each session of the type agent.
func start(t *testing.T, f *fleet, script string, change func(*Config)) *site {
	t.Helper()
	s := &site{t: t, fleet: f, dir: t.TempDir(), ended: make(chan error, 1)}
	cfg := Defaults()
	cfg.Types, cfg.Path, cfg.Args = []string{"agent"}, "/bin/sh", []string{"-c", script}
	cfg.Environ = append(os.Environ(), "DIR="+s.dir)
	cfg.API, cfg.Workspace = "http://node", Ignore
	cfg.FirstPause, cfg.RecordEvery = MinPause, 10*time.Millisecond
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg, f, f)
	require.NoError(t, err)
	var ctx context.Context
	ctx, s.end = context.WithCancel(t.Context())
	go func() { s.ended <- r.Run(ctx); close(s.ended) }()
	t.Cleanup(func() {
		s.end()
		<-s.ended
	})
	return s
}

// stream takes the runner's next connection and greets it.
func (s *site) stream(valid time.Duration, assigned ...Session) *wire {
	s.t.Helper()
	l := await(s.t, "a stream", s.fleet.lines)
	s.send(l, Event{Kind: Snapshot, Watcher: "w", Until: wall(valid), Assignments: assigned})
	return l
}

func (s *site) send(l *wire, ev Event) {
	s.t.Helper()
	select {
	case l.events <- ev:
	case <-l.over:
		s.t.Fatal("the runner has closed the stream")
	case <-time.After(limit):
		s.t.Fatal("the runner does not read")
	}
}

func (s *site) revoke(l *wire, of Session, in time.Duration) {
	s.t.Helper()
	s.send(l, Event{Kind: Revoked, ID: of.ID, Epoch: of.Epoch, Deadline: wall(in)})
}

// says takes the next message that was published.
func (s *site) says(kind, text string) {
	s.t.Helper()
	require.Equal(s.t, Message{kind, text}, await(s.t, text, s.fleet.said))
}

func wall(in time.Duration) time.Time { return time.Now().Add(in).Round(0) }

func agent(n int) Session {
	return Session{ID: fmt.Sprint("s", n), Type: "agent", Name: fmt.Sprint("name-", n), Workspace: "/nowhere", Status: active, Epoch: 3}
}

// locked is the beginning of a script whose whole tree holds a lock: alone says whether anything of it is there.
const locked = `exec 8>"$DIR/lock"; flock -n 8 || { echo clash; exit 9; }
`

// alone reports whether no process of a locked script is left, at this very moment.
func (s *site) alone() bool {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(s.t, err)
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
