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
	full     bool          // no session has room for labels
	fail     func(op string) error
	keys     map[string]bool

	lines   chan *wire
	acks    chan released
	said    chan Message
	reports chan Report
}

// wire is one stream.
type wire struct {
	events chan event
	over   chan struct{} // the follower has closed it
}

type kind int

const (
	snapshot kind = iota
	assigned
	revoked
	valid
	last // as valid, from a follower that then hangs
)

type event struct {
	kind  kind
	until time.Time // or the deadline
	all   []Session
}

// lease is one that the fake hands out.
type lease struct {
	session Session
	line    *told
	ctx     context.Context
	end     context.CancelFunc
	revoked chan struct{}
	done    chan struct{}

	mu       sync.Mutex
	deadline time.Time
}

// told is what a stream has told.
type told struct {
	mu    sync.Mutex
	until time.Time
}

func (l *lease) Session() Session         { return l.session }
func (l *lease) Context() context.Context { return l.ctx }
func (l *lease) Revoked() <-chan struct{} { return l.revoked }

func (l *lease) Until() time.Time {
	l.line.mu.Lock()
	defer l.line.mu.Unlock()
	return l.line.until
}

func (l *lease) Deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deadline
}

func newFleet(sessions ...Session) *fleet {
	f := &fleet{identity: Identity{Version: "test", Routes: needed}, sessions: map[string]Session{}, inputs: map[string][]Input{},
		more: make(chan struct{}), keys: map[string]bool{}, lines: make(chan *wire, 1000), acks: make(chan released, 100_000),
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

// Run follows one stream after another.
func (f *fleet) Run(ctx context.Context, work func(Lease)) error {
	for ctx.Err() == nil {
		f.follow(ctx, &wire{make(chan event), make(chan struct{})}, work)
	}
	return ctx.Err()
}

// follow keeps the rules: what was told ends with the stream, or in time, and only then is the stream closed.
func (f *fleet) follow(ctx context.Context, w *wire, work func(Lease)) {
	defer close(w.over)
	holding, drop := context.WithCancel(ctx)
	defer drop()
	var working sync.WaitGroup
	defer working.Wait()
	defer drop()
	line, leases := &told{}, map[string]*lease{}
	lapse := time.NewTimer(time.Hour)
	defer lapse.Stop()
	f.lines <- w
	for {
		var ev event
		var ok bool
		select {
		case ev, ok = <-w.events:
		case <-lapse.C:
		case <-ctx.Done():
		}
		if !ok {
			return
		}
		switch ev.kind {
		case snapshot, valid, last:
			line.mu.Lock()
			line.until = ev.until
			line.mu.Unlock()
			if ev.kind != last {
				lapse.Reset(time.Until(ev.until))
			}
		case revoked:
			l := leases[ev.all[0].ID]
			l.mu.Lock()
			l.deadline = ev.until
			l.mu.Unlock()
			close(l.revoked)
			time.AfterFunc(time.Until(ev.until), l.end)
			continue
		case assigned:
		}
		for _, s := range ev.all {
			former := leases[s.ID]
			l := &lease{session: s, line: line, revoked: make(chan struct{}), done: make(chan struct{})}
			l.ctx, l.end = context.WithCancel(holding)
			leases[s.ID] = l
			working.Go(func() {
				defer close(l.done)
				if former != nil {
					<-former.done
				}
				work(l)
				select {
				case <-l.revoked:
					f.acks <- released{s.ID, s.Epoch}
				case <-holding.Done():
				}
			})
		}
	}
}

// released is a session that was let go when it was wanted back.
type released struct {
	id    string
	epoch uint64
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
	if f.full && r.Labels[LabelExit] != nil {
		return fmt.Errorf("labels: %w", ErrRefused)
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

// set changes a session as its owner or an operator would.
func (f *fleet) set(id string, change func(*Session)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sessions[id]
	change(&s)
	f.sessions[id] = s
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
func (s *site) stream(length time.Duration, all ...Session) *wire {
	s.t.Helper()
	l := await(s.t, "a stream", s.fleet.lines)
	s.send(l, event{snapshot, time.Now().Add(length), all})
	return l
}

func (s *site) send(l *wire, ev event) {
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
	s.send(l, event{revoked, time.Now().Add(in), []Session{of}})
}

// assign hands out a session.
func (s *site) assign(l *wire, one Session) {
	s.t.Helper()
	s.send(l, event{assigned, time.Time{}, []Session{one}})
}

// vouch puts the end of all that was told off, or nearer.
func (s *site) vouch(l *wire, length time.Duration) {
	s.t.Helper()
	s.send(l, event{kind: valid, until: time.Now().Add(length)})
}

// says takes the next message that was published.
func (s *site) says(kind, text string) {
	s.t.Helper()
	require.Equal(s.t, Message{kind, text}, await(s.t, text, s.fleet.said))
}

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
