package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"orchestrator/internal/sessionstore"
)

// fastWrites tells Prometheus how far home is behind what is acknowledged of sessions with durability fast.
type fastWrites struct {
	store *sessionstore.Store
	lag   prometheus.Histogram
}

var (
	fastOpen = prometheus.NewDesc("orchestrator_fast_changes_open", "Changes that this node acknowledged and home does not have yet.", nil, nil)
	fastLeft = prometheus.NewDesc("orchestrator_fast_changes_left_total",
		"Changes that this node acknowledged and could not bring home: who resolves the session next does, unless the first copy has lost them.", nil, nil)
)

func newFastWrites(store *sessionstore.Store) fastWrites {
	f := fastWrites{store, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "orchestrator_fast_changes_lag_seconds",
		Help:    "From the acknowledgement of a change until home had it.",
		Buckets: prometheus.ExponentialBuckets(0.00025, 2, 15), // to 4 s: it is given up at 5
	})}
	store.OnLag(func(lag time.Duration) { f.lag.Observe(lag.Seconds()) })
	return f
}

// Describe implements prometheus.Collector.
func (f fastWrites) Describe(to chan<- *prometheus.Desc) {
	to <- fastOpen
	to <- fastLeft
	f.lag.Describe(to)
}

// Collect implements prometheus.Collector.
func (f fastWrites) Collect(to chan<- prometheus.Metric) {
	open, left := f.store.Behind()
	to <- prometheus.MustNewConstMetric(fastOpen, prometheus.GaugeValue, float64(open))
	to <- prometheus.MustNewConstMetric(fastLeft, prometheus.CounterValue, float64(left))
	f.lag.Collect(to)
}
