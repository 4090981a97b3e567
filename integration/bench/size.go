package bench

import (
	"time"

	load "orchestrator/internal/bench"
)

// size says how much is measured.
type size struct {
	name   string
	rounds int

	span     time.Duration // of one load; 0: requests ends it
	warmup   time.Duration // of the same load before it, which does not count
	requests int
	batches  int           // requests of one load of batches, where requests ends it
	rest     time.Duration // how long a fleet is watched at rest
	renewal  time.Duration // the same, where renewals are what is watched: one comes every ten seconds
	raw      int           // SETs of one run of redis-benchmark, which tells time in steps of about 0.3 s

	owned  int   // sessions of one node at rest, and of a list
	moved  int   // sessions of a node that is killed
	grown  []int // how many sessions there are while creates are measured, growing
	window int   // creates of one measurement among them
	nodes  int   // of the larger fleet
	bodies []int // bytes of config, beside usualBody
}

// The sizes of a run.
var (
	full = size{
		name: "full", rounds: 5, span: 1500 * time.Millisecond, warmup: 300 * time.Millisecond, rest: 2 * time.Second, renewal: 10 * time.Second, raw: 3_000_000,
		owned: 100_000, moved: 10_000, grown: []int{1_000, 100_000, 1_000_000}, window: 5_000, nodes: 8, bodies: []int{2 << 10, 32 << 10},
	}
	quick = size{
		name: "quick", rounds: 2, span: 500 * time.Millisecond, warmup: 200 * time.Millisecond, rest: time.Second, renewal: 10 * time.Second, raw: 1_000_000,
		owned: 10_000, moved: 1_000, grown: []int{1_000, 20_000}, window: 2_000, nodes: 4, bodies: []int{2 << 10, 32 << 10},
	}
	tiny = size{
		name: "tiny", rounds: 1, requests: 70, batches: 2, rest: 50 * time.Millisecond, renewal: 50 * time.Millisecond, raw: 1_000,
		owned: 120, moved: 60, grown: []int{20, 60}, window: 20, nodes: 3, bodies: []int{2 << 10},
	}
)

// What every size has in common.
const (
	usualBody    = 300  // bytes of config
	callers      = 64   // of everything but lists and batches
	batchCallers = 8    // send batches
	listCallers  = 8    // ask for pages
	batchSize    = 500  // sessions of one batch
	readable     = 2000 // sessions that reads and changes choose from
)

// load is one load of an operation.
func (s size) load(op load.Op) load.Load {
	l := load.Load{Mix: load.Only(op), Duration: s.span}
	if s.span == 0 {
		if l.Requests = s.requests; op == load.Batch {
			l.Requests = s.batches
		}
	}
	return l
}

// raws is how many SETs of so many bytes redis-benchmark sends: of large values fewer.
func (s size) raws(bytes int) int { return max(s.raw*usualBody/max(bytes, usualBody), s.raw/20) }

// readable is how many sessions reads choose from.
func (s size) readable() int { return min(readable, s.owned) }
