package fleet

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"orchestrator/internal/session"
)

// metrics are what the loops count. None carries a session's id.
type metrics struct {
	held      prometheus.Gauge
	takeovers prometheus.Counter
	moves     *prometheus.CounterVec

	quarantined prometheus.Gauge
	recoveries  prometheus.Counter
	lost        prometheus.Counter
	expired     prometheus.Counter
	rounds      prometheus.Counter
	mended      *prometheus.CounterVec
	collected   prometheus.Counter
	rolledBack  prometheus.Counter
	unreadable  prometheus.Gauge
	shared      prometheus.Gauge
	roundTook   prometheus.Gauge
}

// byRequest is why a session moved that another node, or a client through one, asked for.
const byRequest = "request"

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Namespace: "orchestrator", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "orchestrator", Name: name, Help: help})
	}
	m := &metrics{
		held:      gauge("sessions_held", "Sessions whose leases this node renewed in its last round."),
		takeovers: counter("takeovers_total", "Sessions of dead nodes that this node gave to new owners."),
		moves: f.NewCounterVec(prometheus.CounterOpts{Namespace: "orchestrator", Name: "moves_total",
			Help: "Sessions that this node handed over while it was alive, by why."}, []string{"why"}),
		quarantined: gauge("quarantined", "1 while most peers find that this node does not serve: it gets no new sessions."),
		recoveries:  counter("recoveries_total", "Dead nodes whose recovery this node finished."),
		lost:        counter("sessions_lost_total", "Sessions of dead nodes that could not be read."),
		expired:     counter("sessions_expired_total", "Sessions that this node ended because their time to live had ended."),
		rounds:      counter("sync_rounds_total", "Sync rounds that this node finished."),
		mended: f.NewCounterVec(prometheus.CounterOpts{Namespace: "orchestrator", Name: "sync_mended_total",
			Help: "What sync rounds mended, by kind. It stands still in a healthy fleet."}, []string{"kind"}),
		collected:  counter("tombstones_collected_total", "Deleted sessions whose last records were removed."),
		rolledBack: counter("sessions_rolled_back_total", "Sessions of which this node acknowledged a change that no record knows any more."),
		unreadable: gauge("sync_unreadable_records", "Sessions in this node's share that this version cannot read."),
		shared:     gauge("sessions_copy_not_distinct", "Sessions in this node's share whose copies are not all on different masters."),
		roundTook:  gauge("sync_round_seconds", "How long the last sync round took."),
	}
	m.count(session.SyncReport{}) // every kind is there from the first scrape on
	for _, why := range []string{string(session.WhyDrain), string(session.WhyRebalance), byRequest} {
		m.moves.WithLabelValues(why)
	}
	return m
}

func (m *metrics) synced(r session.SyncReport) {
	m.rounds.Inc()
	m.count(r)
	m.collected.Add(float64(r.TombstonesCollected))
	m.unreadable.Set(float64(r.Unreadable))
	m.shared.Set(float64(r.SharedMaster))
	m.roundTook.Set(r.Took.Seconds())
}

// count adds what one round mended to the sums over the life of the process.
func (m *metrics) count(r session.SyncReport) {
	for kind, n := range map[string]int{
		"copy": r.CopiesRepaired, "home": r.HomesRestored, "moved": r.CopiesMoved, "count": r.CountsCorrected,
		"index": r.IndexRepaired, "orphan": r.Orphans,
	} {
		m.mended.WithLabelValues(kind).Add(float64(n))
	}
}
