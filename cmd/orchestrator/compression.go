package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"orchestrator/internal/sessionstore"
)

// compression tells Prometheus what it saves to keep records compressed.
type compression struct{ store *sessionstore.Store }

var (
	compressedRecords = prometheus.NewDesc("orchestrator_records_compressed_total", "Records that this node wrote compressed.", nil, nil)
	compressedBytes   = prometheus.NewDesc("orchestrator_records_compressed_bytes_total",
		"Bytes of the bodies of records that this node wrote compressed, before and after.", []string{"when"}, nil)
)

// Describe implements prometheus.Collector.
func (c compression) Describe(to chan<- *prometheus.Desc) {
	to <- compressedRecords
	to <- compressedBytes
}

// Collect implements prometheus.Collector.
func (c compression) Collect(to chan<- prometheus.Metric) {
	sum := c.store.Compression()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(compressedRecords, sum.Records)
	count(compressedBytes, sum.Before, "before")
	count(compressedBytes, sum.After, "after")
}
