package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by route template, so that their number of series does not grow with what callers send.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "HTTP requests answered, by route template, method and status code (499: the client went away).",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer, by route template and method; streams are not timed.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_streams_refused_total",
			Help: "Streams refused because there were as many as there may be, by route template and by whose limit it was: client or node.",
		}, []string{"route", "limit"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.refused} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("httpapi: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) count(route, method string, status int) {
	m.requests.WithLabelValues(route, knownMethod(method), strconv.Itoa(status)).Inc()
}

func (m *metrics) time(route, method string, took time.Duration) {
	m.duration.WithLabelValues(route, knownMethod(method)).Observe(took.Seconds())
}

// Whose limit a stream was over.
const (
	ofClient = "client"
	ofNode   = "node"
)

// streams has the counts of a route with streams be there from the first scrape on.
func (m *metrics) streams(route string) {
	m.refused.WithLabelValues(route, ofClient)
	m.refused.WithLabelValues(route, ofNode)
}

func (m *metrics) refuse(route, limit string) { m.refused.WithLabelValues(route, limit).Inc() }

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// knownMethod keeps invented methods from making series of their own.
func knownMethod(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}
