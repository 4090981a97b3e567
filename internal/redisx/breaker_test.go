package redisx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// patient is how long a test waits for what must happen.
const patient = 30 * time.Second

// shards is a cluster without replicas that goes on though a master is silent, a client of it, and a key on each master.
type shards struct {
	*Client
	cluster *redistest.Cluster
	keys    []string // on the masters of Topology, in its order
	log     *logs
	sent    *counter
}

func newShards(t testing.TB, patience time.Duration) *shards {
	t.Helper()
	s := &shards{log: &logs{}, sent: &counter{}}
	s.cluster = redistest.NewCluster(t, redistest.Replicas(0), redistest.NodeTimeout(time.Minute))
	s.Client = open(t, Options{Seeds: s.cluster.Addrs(), Patience: patience, Dial: s.sent.dial, Log: slog.New(slog.NewTextHandler(s.log, nil))})
	top := s.Topology()
	s.keys = make([]string, len(top.Masters))
	for i := 0; slices.Contains(s.keys, ""); i++ {
		key := fmt.Sprintf("{%d}:n", i)
		slot := int(s.cluster.Client(t).ClusterKeySlot(t.Context(), key).Val())
		s.keys[top.MasterOf(slot)] = key
	}
	for _, key := range s.keys {
		if _, err := s.Run(t.Context(), incr, []string{key}, 1); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// addr is where master i listens.
func (s *shards) addr(i int) string { return s.Topology().Masters[i].Addr }

func (s *shards) node(t testing.TB, i int) *redistest.Node {
	t.Helper()
	for _, n := range s.cluster.Nodes() {
		if n.Addr() == s.addr(i) {
			return n
		}
	}
	t.Fatalf("no node at %s", s.addr(i))
	return nil
}

// hang pauses master i and calls it until its breaker is open.
func (s *shards) hang(t testing.TB, i int) {
	t.Helper()
	s.node(t, i).Pause(t)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { _, _ = s.Run(t.Context(), incr, []string{s.keys[i]}, 1) })
	}
	callers.Wait()
	eventually(t, "the breaker opens", func() bool { return s.Breakers()[s.addr(i)] != "closed" })
}

// A server that is silent is left alone, says so, and is found again as soon as it answers; the others never notice.
func TestASilentServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newShards(t, time.Millisecond)
	s.hang(t, 1)
	asked, refused := s.sent.to(s.addr(1)), 0
	const calls = 500
	for range calls {
		_, err := s.Run(t.Context(), incr, []string{s.keys[1]}, 1)
		var unavailable *session.UnavailableError
		if !errors.As(err, &unavailable) {
			t.Fatalf("a call to the silent server: %v", err)
		}
		if unavailable.Reason == "a redis server does not answer" && strings.Contains(err.Error(), s.addr(1)+" does not answer") {
			refused++
		}
		for _, i := range []int{0, 2} {
			if _, err := s.Run(t.Context(), incr, []string{s.keys[i]}, 1); err != nil {
				t.Fatalf("a call to another server: %v", err)
			}
		}
	}
	if tried := s.sent.to(s.addr(1)) - asked; refused < calls*9/10 || tried > calls/10 {
		t.Fatalf("%d of %d calls were refused, %d were written to the silent server", refused, calls, tried)
	}
	for addr, state := range s.Breakers() {
		if (addr == s.addr(1)) == (state == "closed") {
			t.Errorf("the breaker of %s is %s", addr, state)
		}
	}
	resumed := time.Now()
	s.node(t, 1).Resume(t)
	eventually(t, "the server is found again", func() bool {
		_, err := s.Run(t.Context(), incr, []string{s.keys[1]}, 1)
		return err == nil
	})
	t.Logf("found again %s after it went on", time.Since(resumed).Round(time.Millisecond))
	eventually(t, "the log says so", func() bool { return s.log.count("answers again") == 1 })
	if n := s.log.count("does not answer: calls to it fail at once"); n != 1 || s.Breakers()[s.addr(1)] != "closed" {
		t.Fatalf("%d log lines, %v", n, s.Breakers())
	}
}

// Of a flush over all servers only the silent one's share fails.
func TestASilentServersShareFailsAlone(t *testing.T) {
	t.Parallel()
	s := newShards(t, time.Millisecond)
	s.hang(t, 0)
	calls := make([]*Call, len(s.keys))
	for i, key := range s.keys {
		calls[i] = &Call{Script: incr, Keys: []string{key}, Args: []any{1}}
	}
	s.RunAll(t.Context(), calls...)
	if calls[0].Err == nil || calls[1].Err != nil || calls[2].Err != nil {
		t.Fatalf("%v, %v, %v", calls[0].Err, calls[1].Err, calls[2].Err)
	}
	err := s.Read(t.Context(), func(p redis.Pipeliner) {
		for _, key := range s.keys {
			p.Get(t.Context(), key)
		}
	})
	if err == nil || !strings.Contains(err.Error(), s.addr(0)) {
		t.Fatalf("a read that needs the silent server: %v", err)
	}
}

// The topology is told by whoever answers. Only the clock is one master's, and it keeps no one from looking around.
func TestTheTopologyIsToldThoughAMasterIsSilent(t *testing.T) {
	t.Parallel()
	s := newShards(t, time.Millisecond)
	fleet := s.Topology().MasterOf(int(s.cluster.Client(t).ClusterKeySlot(t.Context(), clockKey).Val()))
	other := (fleet + 1) % len(s.keys)
	s.hang(t, other)
	for range 3 * len(s.keys) {
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.node(t, other).Resume(t)
	s.hang(t, fleet)
	before := s.Topology()
	s.breakers.of("gone:1").used.Store(time.Now().Add(-2 * forgetAfter).UnixNano())
	if err := s.Refresh(t.Context()); err == nil {
		t.Fatal("nobody told the time, and nothing was said of it")
	}
	if s.Topology() == before {
		t.Fatal("no new picture though two of three masters answer")
	}
	if _, kept := s.Breakers()["gone:1"]; kept {
		t.Fatal("a server that is gone is not forgotten")
	}
}

// Callers that have no time, and answers that are errors, say nothing against a server.
func TestWhatIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	r := redistest.NewServer(t)
	c := open(t, Options{Seeds: r.Addrs(), Patience: time.Millisecond})
	prefix := redistest.Prefix(t)
	for range 3 * enoughFailures {
		if err := c.Redis().Do(t.Context(), "NOSUCHCOMMAND").Err(); err == nil {
			t.Fatal("no error")
		}
		if err := c.Redis().Get(t.Context(), prefix).Err(); !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
	}
	r.Nodes()[0].Pause(t)
	for range 3 * enoughFailures {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := c.Run(ctx, incr, []string{prefix}, 1); err == nil {
			t.Fatal("a paused server has answered")
		}
		cancel()
	}
	if state := c.Breakers()[r.Addrs()[0]]; state != "closed" {
		t.Fatalf("the breaker is %s", state)
	}
	eventually(t, "callers that have time open it", func() bool {
		_ = c.Redis().Ping(t.Context()).Err()
		return c.Breakers()[r.Addrs()[0]] != "closed"
	})
	err := c.Read(t.Context(), func(p redis.Pipeliner) { p.Get(t.Context(), prefix) })
	if err == nil {
		t.Fatal("a pipeline that was refused says nothing")
	}
	r.Nodes()[0].Resume(t)
	eventually(t, "it closes again", func() bool { return c.Redis().Ping(t.Context()).Err() == nil })
}

// A silent master's successor is found although the old one's breaker is open.
func TestTheSuccessorOfASilentMasterIsFound(t *testing.T) {
	t.Parallel()
	cluster := redistest.NewCluster(t)
	c, prefix := open(t, Options{Seeds: cluster.Addrs(), Patience: patient}), redistest.Prefix(t)
	key := "{" + prefix + "}:n"
	slot := int(cluster.Client(t).ClusterKeySlot(t.Context(), key).Val())
	old := cluster.MasterOf(t, slot)
	old.Pause(t)
	start := time.Now()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if _, err := c.Run(t.Context(), incr, []string{key}, 1); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	t.Logf("answered by its successor after %s (cluster-node-timeout 1000)", time.Since(start).Round(10*time.Millisecond))
	old.Resume(t)
}

// A master that was away long enough for its breaker to be open and its pool to have given up serves again soon after its return.
func TestAServerThatReturnsIsFound(t *testing.T) {
	t.Parallel()
	r := redistest.NewServer(t, redistest.AppendOnly())
	c, prefix := open(t, Options{Seeds: r.Addrs(), Patience: time.Millisecond}), redistest.Prefix(t)
	r.Nodes()[0].Kill(t)
	away, end := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 100 { // more than the pool has connections
		callers.Go(func() {
			for away.Err() == nil {
				_, _ = c.Run(t.Context(), incr, []string{prefix}, 1)
			}
		})
	}
	eventually(t, "the breaker opens", func() bool { return c.Breakers()[r.Addrs()[0]] == "open" })
	r.Nodes()[0].Restart(t)
	start := time.Now()
	eventually(t, "it serves again", func() bool {
		_, err := c.Run(t.Context(), incr, []string{prefix}, 1)
		return err == nil
	})
	t.Logf("served again %s after its return", time.Since(start).Round(time.Millisecond))
	end()
	callers.Wait()
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		took time.Duration
		says error
	}{
		{t.Context(), nil, 0, nil},
		{t.Context(), redis.Nil, 0, nil},
		{t.Context(), refusal("MOVED 1 a:1"), 0, nil},
		{t.Context(), refusal("OOM command not allowed"), 0, nil},
		{t.Context(), refusal("CLUSTERDOWN Hash slot not served"), 0, nil},
		{t.Context(), refusal("LOADING Redis is loading"), 0, errSilent},
		{t.Context(), timeout, answerTime, errSilent},
		{t.Context(), io.EOF, 0, errSilent},
		{t.Context(), fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF), 0, errSilent},
		{t.Context(), context.DeadlineExceeded, 0, errSilent}, // a dialer's own
		{ended, timeout, 0, errNoNews},
		{ended, timeout, answerTime, errSilent},
		{ended, context.Canceled, answerTime, errNoNews},
		{t.Context(), redis.ErrPoolTimeout, 2 * answerTime, errNoNews},
		{t.Context(), redis.ErrClosed, 0, errNoNews},
		{t.Context(), &openError{addr: "a:1"}, 0, errNoNews},
		{t.Context(), errors.New("strange"), 0, errNoNews},
	} {
		if says := verdict(c.ctx, c.err, c.took); !errors.Is(says, c.says) {
			t.Errorf("%v after %s: %v", c.err, c.took, says)
		}
	}
}

// refusal is an error that a server replied.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

func TestBreakersOfServersThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	bs := &breakers{log: slog.New(slog.DiscardHandler)}
	for _, addr := range []string{"named:1", "gone:1"} {
		bs.of(addr)
	}
	left := func(after time.Duration) (addrs []string) {
		bs.forget(map[string]bool{"named:1": true}, time.Now().Add(after))
		for addr := range (&Client{breakers: bs}).Breakers() {
			addrs = append(addrs, addr)
		}
		return addrs
	}
	if n := len(left(0)); n != 2 {
		t.Fatalf("%d are left while it is still in use", n)
	}
	if addrs := left(2 * forgetAfter); len(addrs) != 1 || addrs[0] != "named:1" {
		t.Fatalf("%v are left", addrs)
	}
}

// counter is a dialer that counts what is written to each address.
type counter struct{ writes sync.Map }

func (c *counter) of(addr string) *atomic.Int64 {
	n, _ := c.writes.LoadOrStore(addr, new(atomic.Int64))
	return n.(*atomic.Int64)
}

func (c *counter) to(addr string) int64 { return c.of(addr).Load() }

func (c *counter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return counted{conn, c.of(addr)}, nil
}

type counted struct {
	net.Conn
	writes *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// logs is what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patient)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %s: %s", patient, what)
		}
	}
}
