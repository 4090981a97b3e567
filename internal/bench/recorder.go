package bench

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in microseconds, to three digits; what takes longer than an answer may is counted as the longest.
const (
	shortest = 1
	longest  = int64(answerLimit / time.Microsecond)
	precise  = 3
)

// tally is what is known of one operation in one phase.
type tally struct {
	mu       sync.Mutex
	took     *hdrhistogram.Histogram // of requests that did not fail
	requests int64
	sessions int64
	sent     int64 // bytes of bodies
	received int64
	codes    map[string]int64
}

// recorder counts what one phase does. The totals may be read while it goes on.
type recorder struct {
	began   time.Time
	tallies [ops]tally

	requests, sessions, errors atomic.Int64

	mu    sync.Mutex
	first map[string]string // of each code, the first one's operation and detail
}

func newRecorder() *recorder { return &recorder{began: time.Now(), first: map[string]string{}} }

// outcome is what became of one request.
type outcome struct {
	op             Op
	took           time.Duration
	sent, received int // bytes of the bodies
	sessions       int // made, read, changed or ended by it
	failed         []*failure
	lost           bool // the request itself failed, not items of it: how long it took says nothing
}

// ended counts a request.
func (r *recorder) ended(o outcome) {
	r.requests.Add(1)
	r.sessions.Add(int64(o.sessions))
	r.errors.Add(int64(len(o.failed)))
	t := &r.tallies[o.op]
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.took == nil {
		t.took, t.codes = hdrhistogram.New(shortest, longest, precise), map[string]int64{}
	}
	t.requests++
	t.sessions += int64(o.sessions)
	t.sent += int64(o.sent)
	t.received += int64(o.received)
	if !o.lost {
		_ = t.took.RecordValue(min(max(o.took.Microseconds(), shortest), longest)) // never out of range
	}
	for _, f := range o.failed {
		if t.codes[f.code]++; t.codes[f.code] == 1 {
			r.note(o.op, f)
		}
	}
}

func (r *recorder) note(op Op, f *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.first[f.code]; !known {
		r.first[f.code] = op.String() + ": " + f.detail
	}
}
