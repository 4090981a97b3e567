// Package report writes what was measured, as JSON for programs and as a table for people.
package report

import (
	"encoding/json"
	"io"
)

// Report is the JSON document. Names of fields are stable: they may be joined by others, and are never renamed or given another unit.
type Report struct {
	// Versions of the peers, their clients, Go ("go") and redis-server, by module path or program.
	Versions map[string]string `json:"versions"`
	// Machine is operating system and architecture, such as linux/amd64, and CPUs the processors that this process may use: servers,
	// clients and callers share them.
	Machine string `json:"machine"`
	CPUs    int    `json:"cpus"`
	// Callers call at once, each waiting for its answer; Owners is the number of nodes that sessions are owned by.
	Callers int `json:"callers"`
	Owners  int `json:"owners"`
	// BodyBytes is the length of a record, LeaseSeconds how long a lease lasts without renewal.
	BodyBytes    int     `json:"bodyBytes"`
	LeaseSeconds float64 `json:"leaseSeconds"`
	// FsyncMicros is the median of writing 4 KiB and calling fsync where the servers' data lies; next to nothing means that it lies in
	// memory, and that "fsync" says nothing about a disk here.
	FsyncMicros float64 `json:"fsyncMicros"`
	// Rows are in the order in which they were measured.
	Rows []Row `json:"rows"`
}

// The values of Row.Operation.
const (
	Create   = "create"
	Read     = "read"
	TakeOver = "takeover"
)

// Row is one operation on one variant of a peer, in one round.
type Row struct {
	Round      int    `json:"round"` // from 1
	Peer       string `json:"peer"`
	Variant    string `json:"variant"`
	Operation  string `json:"operation"`  // create, read or takeover
	Durability string `json:"durability"` // what the server has done with a change before it answers
	// Operations succeeded and Errors did not, in Seconds; PerSecond and the latencies are of those that succeeded.
	Operations int     `json:"operations"`
	Errors     int     `json:"errors"`
	FirstError string  `json:"firstError,omitempty"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"perSecond"`
	P50Micros  float64 `json:"p50Micros"`
	P99Micros  float64 `json:"p99Micros"`
	// ServerCPUMicros and ClientCPUMicros are the processor time that the server's process and this one used for each operation that
	// succeeded, user and system, in microseconds; renewals of leases meanwhile included. Absent where the system does not tell. The
	// server's comes in steps of 10 ms for all operations together: a row of a second or more says something.
	ServerCPUMicros *float64 `json:"serverCpuMicrosPerOperation,omitempty"`
	ClientCPUMicros *float64 `json:"clientCpuMicrosPerOperation,omitempty"`
	// Renewals of single leases were made meanwhile by their holders, where the peer's client does not renew by itself.
	Renewals      int `json:"renewals"`
	RenewalErrors int `json:"renewalErrors"`
}

// JSON writes the document.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
