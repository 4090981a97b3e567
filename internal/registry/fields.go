package registry

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"orchestrator/internal/session"
)

// Times in the hash are text (RFC 3339, UTC, milliseconds), told by the node from its picture of Redis's clock: they are for
// people. What has ended is decided by the scores in nodes alone, which Redis writes.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

// encode returns the hash's fields but incarnation and state, which the scripts write.
func encode(n session.Node) []any {
	return []any{
		"host", n.Host,
		"port", strconv.Itoa(n.Port),
		"maxSessions", strconv.Itoa(n.MaxSessions),
		"weight", strconv.FormatFloat(n.Weight, 'g', -1, 64),
		"zone", n.Zone,
		"version", n.Version,
		"startedAt", n.StartedAt.UTC().Format(timeForm),
		"heartbeatAt", n.HeartbeatAt.UTC().Format(timeForm),
		"memoryUsage", strconv.FormatInt(n.MemoryUsage, 10),
	}
}

// fieldError names the field of a registration that cannot be read.
type fieldError struct{ field, value string }

func (e *fieldError) Error() string { return fmt.Sprintf("field %s holds %q", e.field, e.value) }

// decode reads a registration's hash; it returns a *fieldError for the first field that makes no sense.
func decode(id session.NodeID, hash map[string]string) (session.Node, error) {
	d := decoder{hash: hash}
	n := session.Node{
		Holder:      session.Holder{Node: id, Incarnation: hash["incarnation"]},
		Host:        hash["host"],
		Port:        int(d.integer("port", 1, 65535)),
		State:       session.NodeState(hash["state"]),
		MaxSessions: int(d.integer("maxSessions", 0, math.MaxInt32)),
		Weight:      d.weight(),
		Zone:        hash["zone"],
		Version:     hash["version"],
		StartedAt:   d.time("startedAt"),
		HeartbeatAt: d.time("heartbeatAt"),
		MemoryUsage: d.integer("memoryUsage", 0, math.MaxInt64),
	}
	d.require("incarnation", n.Incarnation != "")
	d.require("host", n.Host != "")
	d.require("state", settable(n.State))
	return n, d.err
}

func settable(s session.NodeState) bool {
	return s == session.Ready || s == session.Cordoned || s == session.Draining
}

// decoder reads fields and keeps the first error.
type decoder struct {
	hash map[string]string
	err  error
}

func (d *decoder) require(field string, ok bool) {
	if !ok && d.err == nil {
		d.err = &fieldError{field, d.hash[field]}
	}
}

func (d *decoder) integer(field string, least, most int64) int64 {
	v, err := strconv.ParseInt(d.hash[field], 10, 64)
	d.require(field, err == nil && v >= least && v <= most)
	return v
}

func (d *decoder) weight() float64 {
	v, err := strconv.ParseFloat(d.hash["weight"], 64)
	d.require("weight", err == nil && v >= MinWeight && v <= MaxWeight)
	return v
}

func (d *decoder) time(field string) time.Time {
	v, err := time.Parse(time.RFC3339, d.hash[field])
	d.require(field, err == nil)
	return v
}
