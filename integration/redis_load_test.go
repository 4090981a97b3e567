package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is a fleet under writes: what was acknowledged, and what was not.
type load struct {
	fleet fleetOf
	ids   []string
	were  []string // incarnations of the nodes when it began

	acknowledged []atomic.Int64 // by session: the last number that a patch was acknowledged for
	applied      []atomic.Int64 // how many patches were acknowledged
	open         []atomic.Int64 // how many have an outcome that nobody told
	gap          []time.Duration
	refused      sync.Map // what an answer that was no acknowledgement said -> how often, *atomic.Int64
	failures     atomic.Int64
	cancel       context.CancelFunc
	running      sync.WaitGroup
}

// writers are so many that a master which stops has changes of some of them in its connections.
const writers = 40

// underLoad creates sessions and changes them without pause through every node, each by one writer alone, until [load.end]. Nobody
// but the program tries anything again.
func underLoad(t *testing.T, f fleetOf, sessions int) *load {
	t.Helper()
	l := &load{
		fleet: f, ids: createSpread(t, f, sessions), were: incarnations(t, f),
		acknowledged: make([]atomic.Int64, sessions), applied: make([]atomic.Int64, sessions), open: make([]atomic.Int64, sessions),
		gap: make([]time.Duration, writers),
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	t.Cleanup(func() { cancel(); l.running.Wait() })
	for w := range writers {
		l.running.Go(func() { l.write(ctx, t, w) })
	}
	l.again(t)
	return l
}

// createSpread makes sessions one by one, as a batch lies in few partitions.
func createSpread(t *testing.T, f fleetOf, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range ids {
		g.Go(func() error {
			a, err := try(t.Context(), "POST", f.url(i)+"/v1/sessions", draft(fmt.Sprint("s", i)))
			if err != nil || a.status != 201 {
				return fmt.Errorf("create: %d %s %w", a.status, a.body, err)
			}
			ids[i] = read[session](t, a).ID
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func (l *load) write(ctx context.Context, t *testing.T, w int) {
	last := time.Now()
	for n := 1; ctx.Err() == nil; n++ {
		for i := w; i < len(l.ids) && ctx.Err() == nil; i += writers {
			node := l.fleet.nodes[(i+n)%len(l.fleet.nodes)]
			if !node.Running() {
				continue
			}
			sent := time.Now()
			// A request that is under way is waited for: each has an outcome.
			a, err := try(context.WithoutCancel(ctx), "PATCH", node.URL()+"/v1/sessions/"+l.ids[i], fmt.Sprintf(`{"labels":{"n":"%06d"}}`, n))
			if took := time.Since(sent); took > 20*time.Second { // twice what a request may take
				t.Errorf("a request hung for %s", took)
			}
			if err != nil || a.status != 200 {
				l.open[i].Add(1)
				l.note(a, err)
				continue
			}
			l.applied[i].Add(1)
			l.acknowledged[i].Store(int64(n))
			l.gap[w], last = max(l.gap[w], time.Since(last)), time.Now()
		}
	}
}

// note keeps what was answered, told apart by its words.
func (l *load) note(a answer, err error) {
	l.failures.Add(1)
	why := "no answer"
	if err == nil {
		var p problem
		_ = json.Unmarshal(a.body, &p) // what is no problem has no detail
		why = fmt.Sprint(a.status, " ", p.Detail)
	}
	n, _ := l.refused.LoadOrStore(why, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// again waits until every session was changed twice more: the second change was sent after the call.
func (l *load) again(t *testing.T) {
	t.Helper()
	marks := make([]int64, len(l.ids))
	for i := range marks {
		marks[i] = l.applied[i].Load()
	}
	eventually(t, 45*time.Second, func() string {
		for i := range marks {
			if l.applied[i].Load() < marks[i]+2 {
				return "session " + l.ids[i] + " was not written again"
			}
		}
		return ""
	})
}

// end stops the writers and logs what they met.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.cancel()
	l.running.Wait()
	var applied, open int64
	for i := range l.ids {
		applied, open = applied+l.applied[i].Load(), open+l.open[i].Load()
	}
	longest := time.Duration(0)
	for _, g := range l.gap {
		longest = max(longest, g)
	}
	t.Logf("measured writes: %d acknowledged, %d not; longest time of a writer without an acknowledgement: %s",
		applied, open, longest.Round(time.Millisecond))
	l.refused.Range(func(why, n any) bool { t.Logf("met %d times: %.300s", n.(*atomic.Int64).Load(), why); return true })
}

// intact holds that every acknowledged change is there and none was made twice, that no session moved and no node was given up, and
// that the fleet comes to rest.
func (l *load) intact(t *testing.T) {
	t.Helper()
	l.kept(t, 1)
	if now := incarnations(t, l.fleet); fmt.Sprint(now) != fmt.Sprint(l.were) {
		t.Errorf("nodes are %v, were %v", now, l.were)
	}
	l.atRest(t)
	l.onceEach(t)
}

// kept holds that every acknowledged change is there; epoch 0 is any.
func (l *load) kept(t *testing.T, epoch uint64) {
	t.Helper()
	for i, id := range l.ids {
		a := call(t, "GET", l.fleet.url(i)+"/v1/sessions/"+id, nil)
		if a.status != 200 {
			t.Errorf("session %s: %d %s", id, a.status, a.body)
			continue
		}
		s := read[session](t, a)
		if want := fmt.Sprintf("%06d", l.acknowledged[i].Load()); s.Labels["n"] < want {
			t.Errorf("session %s has %q, %q was acknowledged", id, s.Labels["n"], want)
		}
		if epoch > 0 && s.Epoch != epoch {
			t.Errorf("session %s moved: %+v", id, s)
		}
	}
}

// onceEach holds that each acknowledged change was made once and each open one at most once: the version counts changes, and moves of
// copies to other masters, of which there are as many as the nodes say.
func (l *load) onceEach(t *testing.T) {
	t.Helper()
	moved := 0
	for _, node := range l.fleet.nodes {
		moved += metric(t, node.URL(), `orchestrator_sync_mended_total{kind="moved"}`)
	}
	excess := 0
	var wrong []string
	for i, id := range l.ids {
		s := read[session](t, call(t, "GET", l.fleet.url(i)+"/v1/sessions/"+id, nil).want(t, 200))
		least, open := int(l.applied[i].Load()), int(l.open[i].Load())
		excess += max(0, int(s.Version)-least-open)
		if int(s.Version) < least || int(s.Version) > least+open {
			wrong = append(wrong, fmt.Sprintf("%s %d times (%d acknowledged, %d left open)", id, s.Version, least, open))
		}
		if int(s.Version) < least {
			t.Errorf("session %s was changed %d times, %d changes were acknowledged", id, s.Version, least)
		}
	}
	if excess > moved {
		t.Errorf("%d changes too many, and %d copies were moved: %s", excess, moved, strings.Join(wrong[:min(8, len(wrong))], ", "))
	}
}

// metric reads one whole number of a node's /metrics; 0 where it is not there.
func metric(t testing.TB, url, name string) int {
	t.Helper()
	for line := range strings.Lines(string(call(t, "GET", url+"/metrics", nil).want(t, 200).body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	return 0
}

// atRest waits until every node sees all others, sync rounds find nothing to mend, and counts are those of the sessions' owners.
func (l *load) atRest(t *testing.T) {
	t.Helper()
	for _, node := range l.fleet.nodes {
		if node.Running() {
			awaitQuiet(t, node.URL())
		}
	}
	eventually(t, 45*time.Second, func() string { // a create whose outcome nobody knows is counted for 30 s
		owned := map[string]int{}
		all := listAll(t, l.fleet.url(0), "")
		for _, s := range all {
			owned[s.Owner]++
		}
		said := counts(t, l.fleet.url(0))
		for node, n := range owned {
			if said[node] != n {
				return fmt.Sprintf("counts are %v, sessions are owned %v", said, owned)
			}
		}
		if len(all) < len(l.ids) {
			return fmt.Sprintf("%d sessions are listed of %d", len(all), len(l.ids))
		}
		return ""
	})
	for i := range 12 {
		call(t, "POST", l.fleet.url(i)+"/v1/sessions", draft(fmt.Sprint("after", i))).want(t, 201)
	}
}

// mended is what a sync round found to mend.
type mended struct {
	CopiesRepaired, HomesRestored, CopiesMoved, CountsCorrected, IndexRepaired, Orphans, Unreadable, SharedMaster int
}

func (d mended) any() bool { return d != mended{} }

// awaitQuiet waits until a sync round of a node, from its beginning to its end later than the call, found nothing to mend.
func awaitQuiet(t testing.TB, url string) {
	t.Helper()
	const rounds = "orchestrator_sync_rounds_total"
	before := metric(t, url, rounds)
	eventually(t, 40*time.Second, func() string {
		if now := metric(t, url, rounds); now < before+2 { // the first of them may have passed the place
			return fmt.Sprintf("%s has finished %d sync rounds of 2", url, now-before)
		}
		d := read[struct{ Cluster struct{ LastSync mended } }](t, call(t, "GET", url+"/v1/local/metrics", nil).want(t, 200)).Cluster.LastSync
		if d.any() {
			return fmt.Sprintf("the last sync round at %s mended %+v", url, d)
		}
		return ""
	})
}

// incarnations says which nodes the fleet has, in which life, and holds that each process still runs.
func incarnations(t testing.TB, f fleetOf) (all []string) {
	t.Helper()
	for _, node := range f.nodes {
		if !node.Running() {
			t.Errorf("%s has ended", node.Name())
			continue
		}
		n := read[struct {
			Node struct{ ID, Incarnation string }
		}](t, call(t, "GET", node.URL()+"/v1/local/metrics", nil).want(t, 200)).Node
		all = append(all, n.ID+"/"+n.Incarnation)
		awaitNodes(t, node.URL(), len(f.nodes))
	}
	return all
}

// flawless holds that no client met an error.
func (l *load) flawless(t *testing.T) {
	t.Helper()
	if n := l.failures.Load(); n > 0 {
		t.Errorf("%d requests failed", n)
	}
}
