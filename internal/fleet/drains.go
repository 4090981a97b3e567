package fleet

import (
	"errors"
	"sync"
	"time"

	"orchestrator/internal/session"
)

// drains is the drain under way, and the one at a time who works on it.
type drains struct {
	turn // held over each batch

	mu     sync.Mutex // guards what follows
	since  time.Time  // zero: none
	moved  int
	hushed string // what was said once
}

func (d *drains) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.since.IsZero() {
		d.since, d.moved = time.Now(), 0
	}
}

func (d *drains) count(moved int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moved += moved
}

// end notes that nothing is left, and says so once.
func (d *drains) end(s *Service) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.since.IsZero() {
		s.Log.Info("drained: every session was handed over", "sessions", d.moved, "took", time.Since(d.since).Round(time.Millisecond))
	}
	d.since, d.hushed = time.Time{}, ""
}

// stop notes that nobody wants the node drained any more: the next drain begins anew.
func (d *drains) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.since, d.hushed = time.Time{}, ""
}

// hush passes an error on, but a lack of room only the first time: it lasts, and every round meets it again.
func (d *drains) hush(err error) error {
	var full *session.NoCapacityError
	if !errors.As(err, &full) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hushed == full.Error() {
		return nil
	}
	d.hushed = full.Error()
	return err
}
