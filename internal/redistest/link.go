package redistest

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Link is a way through a [Proxy], and what is wrong with it. A fault takes
// effect at once on the connections there are and on new ones.
type Link struct {
	mu     sync.Mutex
	delay  time.Duration
	resets float64
	dice   *rand.Rand
	lost   int
	cut    bool
	flows  chan struct{} // closed while traffic flows
	relays map[*relay]struct{}
}

func newLink() *Link {
	l := &Link{flows: make(chan struct{}), relays: map[*relay]struct{}{}}
	close(l.flows)
	return l
}

// Delay holds back by d whatever goes to the server: a round trip takes d
// longer, and as much is under way at once as before.
func (l *Link) Delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Resets throws away what the server answers, with this probability for each
// piece of it that arrives, and resets the connection: the request was executed
// and nobody is told. The same seed throws the same dice.
func (l *Link) Resets(probability float64, seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resets, l.dice = probability, rand.New(rand.NewPCG(seed, seed))
}

// Lost is how many times [Link.Resets] has struck.
func (l *Link) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Cut resets every connection, and new ones as soon as they are made.
func (l *Link) Cut(on bool) {
	l.mu.Lock()
	l.cut = on
	var now []*relay
	for r := range l.relays {
		now = append(now, r)
	}
	l.mu.Unlock()
	for _, r := range now {
		if on {
			r.reset()
		}
	}
}

// Hang stops all traffic in both directions while connections stay open, as
// between two sides of a partition. What was under way arrives when it ends.
func (l *Link) Hang(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.flows:
		if on {
			l.flows = make(chan struct{})
		}
	default:
		if !on {
			close(l.flows)
		}
	}
}

// Heal ends every fault of the link.
func (l *Link) Heal() {
	l.Delay(0)
	l.Resets(0, 0)
	l.Cut(false)
	l.Hang(false)
}

// join adds a connection, or says that the link is cut.
func (l *Link) join(r *relay) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	l.relays[r] = struct{}{}
	return true
}

func (l *Link) leave(r *relay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.relays, r)
}

// due is when what comes now is to be passed on to the server.
func (l *Link) due() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.delay)
}

// pass waits while the link hangs; false says that the connection ended.
func (l *Link) pass(ended <-chan struct{}) bool {
	for {
		l.mu.Lock()
		flows := l.flows
		l.mu.Unlock()
		select {
		case <-ended:
			return false
		case <-flows:
		}
		l.mu.Lock()
		same := flows == l.flows
		l.mu.Unlock()
		if same {
			return true
		}
	}
}

// unlucky throws the dice for one piece of an answer.
func (l *Link) unlucky() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resets == 0 || l.dice.Float64() >= l.resets {
		return false
	}
	l.lost++
	return true
}
