package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"orchestrator/internal/redisx"
)

// breakers tells Prometheus which Redis servers are asked at the moment.
type breakers struct{ client *redisx.Client }

var breakerOpen = prometheus.NewDesc("orchestrator_redis_breaker_open",
	"Whether calls to a Redis server fail at once because it leaves them unanswered: 1, or 0.5 while one call is tried; else 0.", []string{"server"}, nil)

// Describe implements prometheus.Collector.
func (b breakers) Describe(to chan<- *prometheus.Desc) { to <- breakerOpen }

// Collect implements prometheus.Collector.
func (b breakers) Collect(to chan<- prometheus.Metric) {
	open := map[string]float64{"open": 1, "half-open": 0.5}
	for server, state := range b.client.Breakers() {
		to <- prometheus.MustNewConstMetric(breakerOpen, prometheus.GaugeValue, open[state], server)
	}
}
