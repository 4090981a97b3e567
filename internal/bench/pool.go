package bench

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// pool holds the ids of the sessions that a generator made and has not deleted.
type pool struct {
	mu    sync.RWMutex
	kept  []string // Fill made them: read and changed by any load
	spare []string // a load made them: it may delete them
}

func (p *pool) keep(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, ids...)
}

func (p *pool) add(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = append(p.spare, ids...)
}

// any returns one of the kept.
func (p *pool) any(r *rand.Rand) (id string, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if len(p.kept) == 0 {
		return "", false
	}
	return p.kept[r.IntN(len(p.kept))], true
}

// take takes out a spare one, the last made.
func (p *pool) take() (id string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spare) == 0 {
		return "", false
	}
	id = p.spare[len(p.spare)-1]
	p.spare = p.spare[:len(p.spare)-1]
	return id, true
}

// size is how many there are.
func (p *pool) size() (kept, spare int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.kept), len(p.spare)
}

// release makes all of them spare, to be deleted.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = append(p.spare, p.kept...)
	p.kept = nil
}

// learn adds those that it does not know.
func (p *pool) learn(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := make(map[string]bool, len(p.kept)+len(p.spare))
	for _, id := range slices.Concat(p.kept, p.spare) {
		known[id] = true
	}
	for _, id := range ids {
		if !known[id] {
			p.spare = append(p.spare, id)
		}
	}
}
