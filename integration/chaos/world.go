package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// The fleet's timing: as short as the configuration allows with room to spare on a busy machine.
const (
	heartbeatTimeout = 1500 * time.Millisecond
	syncInterval     = time.Second
	nodeCount        = 3
	partitions       = 64
	sessionCount     = 18
	maxSessions      = 14 // two nodes can hold them all; three must not be filled unevenly
	healLimit        = 30 * time.Second
)

var nodeFlags = []string{
	"--heartbeat-timeout", heartbeatTimeout.String(), "--gossip-interval", "300ms", "--sync-interval", syncInterval.String(), "--lease-ttl", "4s",
	"--request-timeout", requestTimeout.String(), "--drain-delay", "0s", "--revoke-timeout", "1s", "--partitions", fmt.Sprint(partitions), "--max-sessions", fmt.Sprint(maxSessions),
}

// world is one fleet, its Redis, and what was done to them.
type world struct {
	site
	t         testing.TB
	cluster   *redistest.Cluster // nil on a single server
	prefix    string
	pool      *pool
	history   *History
	nodes     []*harness.Process
	followers []*follower // one beside each node
	began     time.Time
	http      *http.Client

	marks    []mark
	found    findings // what faults themselves noticed
	reshaped bool     // slots changed their master, so copies may have moved
	lost     bool     // a master forgot something that may not be made good yet
	losses   []span   // when masters forgot something, and what was done may have met it
	heavy    string   // the session that readersStuck made
}

// mark is one line of the nemesis in the timeline.
type mark struct {
	At   time.Duration `json:"at"`
	What string        `json:"what"`
}

// newWorld starts a fleet as the scenario wants it.
func newWorld(t testing.TB, at site, s Scenario) *world {
	t.Helper()
	switch { // before the clock starts
	case len(s.Clocks) > 0:
		s.Binary = harness.BuildSkewed(t)
	case s.Binary == "":
		s.Binary = harness.Build(t)
	}
	w := &world{t: t, site: at, pool: &pool{}, history: &History{}, prefix: redistest.Prefix(t), began: time.Now(), http: newHTTP(2 * time.Second)}
	w.cluster, _ = at.redis.(*redistest.Cluster)
	t.Cleanup(w.http.CloseIdleConnections)
	flags := nodeFlags
	if s.Settled {
		flags = slices.Concat(nodeFlags, []string{"--rebalance-rate", "0"})
	}
	for i := range nodeCount {
		c := harness.NodeConfig{ID: fmt.Sprint("node-", i+1), Seeds: at.seeds(i), Binary: s.Binary, Flags: append([]string{"--prefix", w.prefix}, flags...)}
		if len(s.Clocks) > 0 {
			c.Env = s.Clocks[i].Env()
		}
		w.nodes = append(w.nodes, harness.LaunchNode(t, c))
	}
	for _, n := range w.nodes {
		n.WaitReady(t)
	}
	if missing := w.settled(); missing != nil {
		t.Fatalf("chaos: the fleet did not form: %v", missing)
	}
	return w
}

// since is the run's clock.
func (w *world) since() time.Duration { return time.Since(w.began) }

// note adds a line to the timeline.
func (w *world) note(format string, args ...any) {
	m := mark{w.since(), fmt.Sprintf(format, args...)}
	w.marks = append(w.marks, m)
	w.t.Logf("%7d ms  %s", m.At.Milliseconds(), m.What)
}

func (w *world) names() []string {
	var names []string
	for _, n := range w.nodes {
		names = append(names, n.Name())
	}
	return names
}

func (w *world) urls() map[string]string {
	urls := map[string]string{}
	for _, n := range w.nodes {
		urls[n.Name()] = n.URL()
	}
	return urls
}

// get reads a JSON answer from a node; into nil, it is enough that it answers.
func (w *world) get(n *harness.Process, path string, into any) error {
	a, err := send(context.Background(), w.http, http.MethodGet, n.URL()+path, nil, nil)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("%s%s: %d %s", n.Name(), path, a.status, a.body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(a.body, into)
}

// await asks until nothing is missing or the limit is over; what it returns is what was missing last.
func await(limit time.Duration, ask func() error) error {
	deadline := time.Now().Add(limit)
	for {
		missing := ask()
		if missing == nil || time.Now().After(deadline) {
			return missing
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// settled waits until Redis is whole, every node serves and sees all others, and every session belongs to one of them.
func (w *world) settled() error {
	if w.cluster != nil {
		w.cluster.WaitReady(w.t)
	}
	return await(healLimit, func() error {
		for _, n := range w.nodes {
			var local struct{ Cluster struct{ LiveNodes int } }
			if err := errors.Join(w.get(n, "/readyz", nil), w.get(n, "/v1/local/metrics", &local)); err != nil {
				return err
			}
			if local.Cluster.LiveNodes != nodeCount {
				return fmt.Errorf("%s sees %d live nodes", n.Name(), local.Cluster.LiveNodes)
			}
		}
		return nil
	})
}

// page is one page of the list of sessions, which holds all of them.
func (w *world) page(n *harness.Process, query string) ([]sessionView, error) {
	var page struct{ Sessions []sessionView }
	err := w.get(n, "/v1/sessions?limit=1000"+query, &page)
	return page.Sessions, err
}

// ownedAgain waits until a node that is gone, since then, owns nothing by the others' word. What Redis did not answer for meanwhile is
// waited for, too: the promise is for after its recovery. A slot that Redis has lost meanwhile does not recover alone.
func (w *world) ownedAgain(gone *harness.Process, since time.Time) {
	giveBack := func() {}
	if w.cluster != nil {
		orphans := w.cluster.Orphans()
		giveBack = func() { orphans.GiveBack(w.t) }
	}
	err := await(healLimit/2, func() error {
		for _, n := range w.nodes {
			if n == gone || !n.Running() {
				continue
			}
			left, err := w.page(n, "&owner="+gone.Name())
			if err != nil {
				giveBack()
				return err
			}
			if len(left) == 0 {
				return nil
			}
			return fmt.Errorf("%d sessions still belong to %s", len(left), gone.Name())
		}
		return nil
	})
	if err != nil {
		w.found.add(OwnedAgain, "", "%s after: %v", time.Since(since).Round(time.Millisecond), err)
		return
	}
	w.note("%s owns nothing any more, %s after", gone.Name(), time.Since(since).Round(10*time.Millisecond))
}

// untouched are slots of every master at first that no fault moves elsewhere: none that keys of sessions lie in.
var untouched = []int{1, slots/2 + 1, slots - 1}

// masters tells who serves those slots.
func (w *world) masters() (all []string) {
	for _, slot := range untouched {
		if w.cluster != nil {
			all = append(all, w.cluster.MasterOf(w.t, slot).String())
		}
	}
	return all
}

// replaced notes the loss of a master that no fault asked for: a busy machine may take one for dead.
func (w *world) replaced(before []string) {
	if len(w.losses) == 0 && !slices.Equal(before, w.masters()) {
		w.note("a master was replaced by itself")
		w.losses = append(w.losses, span{0, w.since()})
	}
}

// others are the nodes but one.
func (w *world) others(n *harness.Process) []*harness.Process {
	return slices.DeleteFunc(slices.Clone(w.nodes), func(o *harness.Process) bool { return o == n })
}
