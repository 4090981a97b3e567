package chaos

import (
	"math/rand/v2"
	"slices"
	"sync"

	"orchestrator/internal/session"
)

// pool is the sessions that clients work on: those whose creation was acknowledged and that nobody found gone. Its size is kept, for
// a client creates where one is missing. It is safe for concurrent use.
type pool struct {
	mu     sync.Mutex
	want   int
	ids    []string
	making int
	only   []string // where not empty, pick returns one of these
	said   map[string]int
}

// made ends a creation that room began, and puts the session in.
func (p *pool) made(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.making--
	if id != "" {
		p.ids = append(p.ids, id)
	}
}

// remove takes out a session that is gone.
func (p *pool) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = slices.DeleteFunc(p.ids, func(s string) bool { return s == id })
	p.only = slices.DeleteFunc(p.only, func(s string) bool { return s == id })
	delete(p.said, id)
}

// room reports whether a session is missing, and counts it as being made.
func (p *pool) room() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ids)+p.making >= p.want {
		return false
	}
	p.making++
	return true
}

// pick returns any session, "" if there is none.
func (p *pool) pick(r *rand.Rand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.ids
	if len(p.only) > 0 {
		from = p.only
	}
	return anyOf(from, r)
}

// pickTalker returns any session that talks, "" if there is none.
func (p *pool) pickTalker(r *rand.Rand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return anyOf(slices.DeleteFunc(slices.Clone(p.ids), func(id string) bool { return !talks(id) }), r)
}

func anyOf(ids []string, r *rand.Rand) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[r.IntN(len(ids))]
}

// talks reports whether messages of a session are published, and its context written: of every other session. Each such change raises the
// session's version unseen, so that less can be told by that.
func talks(id string) bool { return id != "" && id[len(id)-1]%2 == 0 }

// mostSaid is how many messages of a session are published at most: all of them are kept.
const mostSaid = session.MessagesKept * 9 / 10

// maySay reports whether one message more may be published, and counts it.
func (p *pool) maySay(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said == nil {
		p.said = map[string]int{}
	}
	if p.said[id] == mostSaid {
		return false
	}
	p.said[id]++
	return true
}

// focus has clients work on these sessions alone; on all again, where none are given.
func (p *pool) focus(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.only = ids
}

// grow has clients make n sessions more.
func (p *pool) grow(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want += n
}

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ids)
}
