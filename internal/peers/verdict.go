package peers

// enough is how many health calls in a row must fail for a verdict: one may be an accident.
const enough = 2

// verdict is what the health calls of late say of a peer.
type verdict struct {
	failures int    // in a row
	why      string // of the last one
	heard    bool   // some call has said something
	settled  bool   // the peer is dead: there is no more to say
}

func (p *peer) fails(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdict.failures++
	p.verdict.why, p.verdict.heard = why, true
}

func (p *peer) serves() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdict = verdict{heard: true}
}

func (p *peer) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verdict = verdict{settled: true}
}

// health is one of the words below.
type health int

const (
	unknown health = iota // nothing was heard, or one failure since
	good
	bad
)

// health tells the verdict, and why where it is bad.
func (p *peer) health() (health, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch v := p.verdict; {
	case v.settled || !v.heard:
		return unknown, ""
	case v.failures == 0:
		return good, ""
	case v.failures < enough:
		return unknown, ""
	default:
		return bad, v.why
	}
}
