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

func timeText(t time.Time) string { return t.UTC().Format(timeForm) }

// encode returns the fields that a node says of itself. Incarnation and state are written by the scripts, as is what others say of it:
// drain and quarantine.
func encode(n session.Node) []any {
	return []any{
		"host", n.Host,
		"port", strconv.Itoa(n.Port),
		"maxSessions", strconv.Itoa(n.MaxSessions),
		"weight", strconv.FormatFloat(n.Weight, 'g', -1, 64),
		"zone", n.Zone,
		"version", n.Version,
		"startedAt", timeText(n.StartedAt),
		"heartbeatAt", timeText(n.HeartbeatAt),
		"memoryUsage", strconv.FormatInt(n.MemoryUsage, 10),
	}
}

// fieldError names the field of a registration that cannot be read.
type fieldError struct{ field, value string }

func (e *fieldError) Error() string { return fmt.Sprintf("field %s holds %q", e.field, e.value) }

// decode reads a registration's hash as of one moment by Redis's clock; it returns a *fieldError for the first field that makes no
// sense. What a node needs to be found and used must make sense; what is said of its drain and quarantine is read as far as it does.
func decode(id session.NodeID, hash map[string]string, at time.Time) (session.Node, error) {
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
		Drain:       decodeDrain(hash),
		Quarantine:  decodeQuarantine(hash, at),
	}
	d.require("incarnation", n.Incarnation != "")
	d.require("host", n.Host != "")
	d.require("state", settable(n.State))
	return n, d.err
}

// decodeDrain returns nil unless the node is draining. A drain of which nothing is noted has no times.
func decodeDrain(hash map[string]string) *session.Drain {
	if session.NodeState(hash["state"]) != session.Draining {
		return nil
	}
	d := decoder{hash: hash}
	drain := &session.Drain{StartedAt: d.time("drainStartedAt"), Deadline: d.time("drainDeadline")}
	if from, err := strconv.ParseInt(hash["drainFrom"], 10, 32); err == nil {
		drain.From = max(0, int(from))
	}
	return drain
}

// decodeQuarantine returns why the node is quarantined. A quarantine without a readable end stands.
func decodeQuarantine(hash map[string]string, at time.Time) string {
	if ends, err := strconv.ParseInt(hash["quarantineEnds"], 10, 64); err == nil && ends <= at.UnixMilli() {
		return ""
	}
	return hash["quarantine"]
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
