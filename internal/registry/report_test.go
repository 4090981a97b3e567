package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"orchestrator/internal/session"
)

// panel is a node and the peers that watch it.
type panel struct {
	*fleet
	about session.Holder
	peers []*Registry
}

// convene lets a verdict stand for long enough that none ends in a test.
func convene(f *fleet, peers int) *panel {
	f.t.Helper()
	p := &panel{fleet: f, about: f.joined("a", timeout(time.Minute)).Self().Holder}
	for i := range peers {
		p.peers = append(p.peers, f.joined(session.NodeID(fmt.Sprintf("w%d", i)), timeout(time.Minute), func(c *Config) { c.GossipInterval = 10 * time.Second }))
	}
	return p
}

// report has a peer say why the node cannot serve, and fails the test unless the node is quarantined, or not, as wanted, in every place.
func (p *panel) report(peer int, why string, watchers int, want string) {
	p.t.Helper()
	got, err := p.peers[peer].Report(p.t.Context(), Verdict{p.about, why, watchers})
	if err != nil || got != (want != "") {
		p.t.Fatalf("%d says %q: quarantined %v, %v, want %q", peer, why, got, err, want)
	}
	if n := mustNode(p.t, p.peers[0], p.about.Node); n.Quarantine != want || n.Takes() != (want == "") || n.State != session.Ready {
		p.t.Fatalf("%d says %q: %+v, want %q", peer, why, n, want)
	}
}

// note writes a verdict as an earlier report would have.
func (p *panel) note(peer string, ends time.Time, incarnation string) {
	p.t.Helper()
	err := p.redis.Redis().HSet(p.t.Context(), p.keys.Verdicts(p.about.Node), peer, fmt.Sprintf("%d|%s|noted", ends.UnixMilli(), incarnation)).Err()
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestMoreThanHalfOfTheWatchersQuarantine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		p := convene(f, 3)
		p.report(0, "no answer", 3, "")
		p.report(1, "", 3, "")
		p.report(0, "no answer at all", 3, "")
		p.report(2, "answers 500 | slowly", 3, "2 of 3 peers: answers 500 | slowly")
		p.report(0, "no answer", 3, "2 of 3 peers: no answer")
		p.report(2, "no answer", 3, "2 of 3 peers: no answer")
		p.report(1, "refused", 3, "3 of 3 peers: refused")
		p.report(1, "", 3, "2 of 3 peers: no answer")
		p.report(2, "", 3, "")
		p.report(0, "no answer", 2, "") // exactly half
		p.report(0, "no answer", 1, "1 of 1 peers: no answer")
		p.report(1, "no answer", 1, "2 of 2 peers: no answer")
	})
}

func TestOnlyVerdictsThatStandCount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, p := t.Context(), convene(f, 1)
		now := p.peers[0].View().Time()
		p.note("over", now.Add(-time.Millisecond), p.about.Incarnation)
		p.note("former", now.Add(time.Hour), "former")
		f.redis.Redis().HSet(ctx, f.keys.Verdicts("a"), "garbled", "tomorrow")
		p.report(0, "no answer", 2, "")
		if left := f.redis.Redis().HKeys(ctx, f.keys.Verdicts("a")).Val(); len(left) != 1 || left[0] != "w0" {
			t.Errorf("kept are %v", left)
		}
		if ttl := f.redis.Redis().PTTL(ctx, f.keys.Verdicts("a")).Val(); ttl <= 0 || ttl > verdictKept*10*time.Second {
			t.Errorf("kept for %s", ttl)
		}
		p.note("standing", now.Add(time.Hour), p.about.Incarnation)
		p.report(0, "", 2, "")
		p.report(0, "", 1, "1 of 1 peers: noted")
	})
}

// TestAQuarantineEndsWithItsVerdicts leaves it to itself, as where all who watched have died.
func TestAQuarantineEndsWithItsVerdicts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, a := t.Context(), f.node("a")
		f.run(a)
		w := f.joined("w", timeout(time.Minute)) // its verdicts stand for 250 ms
		if quarantined, err := w.Report(ctx, Verdict{a.Self().Holder, "no answer", 1}); err != nil || !quarantined {
			t.Fatal(quarantined, err)
		}
		eventually(t, "it takes sessions again", func() bool { n := mustNode(t, w, "a"); return n.Takes() && n.Quarantine == "" })
		eventually(t, "nothing is noted any more", func() bool { return len(f.exists(f.keys.Verdicts("a"))) == 0 })
	})
}

func TestBeatsLeaveAQuarantineAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		p := convene(f, 1)
		a := f.node("b")
		f.run(a)
		p.about = a.Self().Holder
		p.report(0, "no answer", 1, "1 of 1 peers: no answer")
		ends := mustNode(t, p.peers[0], "b").ExpiresAt
		eventually(t, "a beat", func() bool { return mustNode(t, p.peers[0], "b").ExpiresAt.After(ends) })
		if n := mustNode(t, p.peers[0], "b"); n.Takes() {
			t.Errorf("a beat lifted it: %+v", n)
		}
	})
}

func TestAReportConcernsTheRegisteredIncarnationAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		p := convene(f, 1)
		for _, h := range []session.Holder{{Node: "a", Incarnation: "former"}, {Node: "nobody", Incarnation: "x"}} {
			if quarantined, err := p.peers[0].Report(t.Context(), Verdict{h, "no answer", 1}); err != nil || quarantined {
				t.Errorf("%v: %v, %v", h, quarantined, err)
			}
		}
		if found := f.exists(f.keys.Verdicts("a"), f.keys.Verdicts("nobody"), f.keys.Node("nobody")); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
		var invalid *session.InvalidError
		if _, err := p.peers[0].Report(t.Context(), Verdict{p.peers[0].Self().Holder, "no answer", 1}); !errors.As(err, &invalid) {
			t.Errorf("it judges itself: %v", err)
		}
		if _, err := p.peers[0].Report(t.Context(), Verdict{p.about, "no answer", 0}); !errors.As(err, &invalid) || invalid.Field != "watchers" {
			t.Errorf("nobody watches: %v", err)
		}
	})
}

func TestANodeThatDoesNotTrustItselfReportsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		w, a := f.joined("w", timeout(MinHeartbeatTimeout)), f.joined("a", timeout(time.Minute)).Self().Holder
		eventually(t, "trust ends", func() bool { return !w.Trusted() })
		if _, err := w.Report(t.Context(), Verdict{a, "no answer", 1}); !errors.Is(err, session.ErrFenced) {
			t.Errorf("its verdict counts: %v", err)
		}
	})
}

func TestAReasonIsReadable(t *testing.T) {
	t.Parallel()
	for why, want := range map[string]string{
		"":                             "",
		"dial tcp:\r\n\trefused\x00":   "dial tcp:   refused",
		"\n":                           "no reason given",
		"\xff\xfe":                     "no reason given",
		strings.Repeat("x", 300):       strings.Repeat("x", 200),
		strings.Repeat("é", 150):       strings.Repeat("é", 100),
		"x" + strings.Repeat("é", 150): "x" + strings.Repeat("é", 99),
	} {
		if got := readable(why); got != want || !utf8.ValidString(got) {
			t.Errorf("%q is shown as %q", why, got)
		}
	}
}
