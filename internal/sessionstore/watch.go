package sessionstore

import (
	"time"

	"orchestrator/internal/session"
)

// watchedFrom is how long answers must live for it to be of use that changes are told: they come up to a second late.
const watchedFrom = 2 * time.Second

// Watching reports whether the cache holds sessions for so long that it should be told of changes.
func (s *Store) Watching() bool {
	return s.cache != nil && s.cache.ttl >= watchedFrom && s.cache.entries.EstimatedSize() > 0
}

// Changed tells the cache that a session changed to an epoch and version: what it holds of before is forgotten, and so is what a read that
// is under way may bring.
func (s *Store) Changed(id session.ID, epoch, version uint64) {
	if s.cache == nil {
		return
	}
	s.cache.mark(id)
	if e, ok := s.cache.entries.GetIfPresent(id); ok && e.session.Stamp.Rank() < epoch+version {
		s.cache.entries.Invalidate(id)
	}
}

// Forget empties the cache: changes were missed.
func (s *Store) Forget() {
	if s.cache == nil {
		return
	}
	for i := range s.cache.changed {
		s.cache.changed[i].Store(int64(time.Since(started)))
	}
	s.cache.entries.InvalidateAll()
}
