package peers

import (
	"net/http"
	"testing"

	"orchestrator/internal/session"
)

// whyOf is the last verdict reported on a node; empty: good, or none.
func (f *fleet) whyOf(id session.NodeID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.reports) - 1; i >= 0; i-- {
		if f.reports[i].about == id {
			return f.reports[i].why
		}
	}
	return ""
}

// three are watched: one to be judged, two in good health.
func three(t *testing.T) (sick *stand, nodes []session.Node) {
	t.Helper()
	sick = newStand("sick")
	for _, s := range []*stand{sick, newStand("well"), newStand("fit")} {
		nodes = append(nodes, nodeAt(s.id, portOf(t, s.serve(t).Listener.Addr().String())))
	}
	return sick, nodes
}

func TestVerdictsAreToldAndTakenBack(t *testing.T) {
	t.Parallel()
	sick, nodes := three(t)
	f := watch(t, nodes...)
	sick.more(t, 5)
	f.rounds(t, 3)
	if r := f.reported(); len(r) != 0 {
		t.Fatalf("reported in a healthy fleet: %v", r)
	}
	sick.status.Store(http.StatusServiceUnavailable)
	eventually(t, "reports that repeat", func() bool { return len(f.reported()) >= 3 })
	for _, r := range f.reported() {
		if r != (report{"sick", "/readyz answers 503", 3}) {
			t.Fatalf("%+v", r)
		}
	}
	sick.status.Store(http.StatusOK)
	eventually(t, "that it is taken back", func() bool { return f.whyOf("sick") == "" })
	told := len(f.reported())
	f.rounds(t, 5)
	if r := f.reported(); len(r) != told {
		t.Fatalf("told again: %v", r[told:])
	}
	if b := f.buried(); len(b) != 0 {
		t.Fatalf("buried: %v", b)
	}
}

// One call that fails is no verdict.
func TestOneFailureIsAnAccident(t *testing.T) {
	t.Parallel()
	p := newPeer(nodeAt("a", 1), limits{})
	for i, step := range []struct {
		do   func()
		says health
	}{
		{func() {}, unknown}, {func() { p.fails("once") }, unknown}, {p.serves, good}, {func() { p.fails("once") }, unknown},
		{func() { p.fails("twice") }, bad}, {func() { p.fails("again") }, bad}, {p.serves, good}, {p.settle, unknown},
	} {
		step.do()
		if h, _ := p.health(); h != step.says {
			t.Fatalf("step %d: %v", i, h)
		}
	}
}

func TestAQuarantineThatTheViewShowsIsTakenBack(t *testing.T) {
	t.Parallel()
	_, nodes := three(t)
	nodes[0].Quarantine = "2 of 3 peers: some reason"
	f := watch(t, nodes...)
	eventually(t, "that it is taken back, until the view says so", func() bool { return len(f.reported()) >= 3 })
	for _, r := range f.reported() {
		if r.about != "sick" || r.why != "" {
			t.Fatalf("%+v", r)
		}
	}
}

func TestADrainingNodesAnswerIsNoNews(t *testing.T) {
	t.Parallel()
	sick, nodes := three(t)
	nodes[0].State = session.Draining
	sick.status.Store(http.StatusServiceUnavailable)
	f := watch(t, nodes...)
	sick.more(t, 5)
	f.rounds(t, 3)
	if r := f.reported(); len(r) != 0 {
		t.Fatalf("reported: %v", r)
	}
	nodes[0].State = session.Ready
	f.show(nodes...)
	eventually(t, "a verdict once it does not drain any more", func() bool { return f.whyOf("sick") != "" })
}

// Whoever sees nobody serve is more likely cut off than right.
func TestWhoeverSeesNobodyServeIsSilent(t *testing.T) {
	t.Parallel()
	a, b := newStand("a"), newStand("b")
	a.status.Store(http.StatusInternalServerError)
	b.status.Store(http.StatusInternalServerError)
	f := watch(t, nodeAt("a", portOf(t, a.serve(t).Listener.Addr().String())), nodeAt("b", portOf(t, b.serve(t).Listener.Addr().String())))
	a.more(t, 5)
	b.more(t, 5)
	f.rounds(t, 3)
	if r := f.reported(); len(r) != 0 {
		t.Fatalf("reported: %v", r)
	}
	b.status.Store(http.StatusOK)
	eventually(t, "a verdict on the other", func() bool { return f.whyOf("a") == "/readyz answers 500" })
}
