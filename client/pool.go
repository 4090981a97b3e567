package client

import (
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// How long an address is left alone after it failed: twice as long each time, and by chance up to half less.
const (
	firstRest = 50 * time.Millisecond
	mostRest  = 5 * time.Second
)

// pool are the addresses that a client may ask. It stays with one while that is good.
type pool struct {
	mu   sync.Mutex
	all  []*address
	with int // the one to ask
}

type address struct {
	base  *url.URL
	fails int       // since it was good last
	rest  time.Time // it is left alone until then
}

func newPool(addrs []string) *pool {
	p := &pool{}
	for _, s := range addrs {
		base, _ := parseAddr(s) // Validate has seen it
		p.all = append(p.all, &address{base: base})
	}
	return p
}

// single is a pool of one address.
func single(base *url.URL) *pool { return &pool{all: []*address{{base: base}}} }

// pick returns the address to ask, and how long to wait before that: not at all where any of them is fit to be asked.
func (p *pool) pick() (*address, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var soonest *address
	for i := range p.all {
		a := p.all[(p.with+i)%len(p.all)]
		if !a.rest.After(now) {
			return a, 0
		}
		if soonest == nil || a.rest.Before(soonest.rest) {
			soonest = a
		}
	}
	return soonest, soonest.rest.Sub(now)
}

// good stays with an address that has answered.
func (p *pool) good(a *address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.fails, a.rest = 0, time.Time{}
	for i := range p.all {
		if p.all[i] == a {
			p.with = i
		}
	}
}

// failed leaves an address alone for a while, at least as long as it has asked for, and turns to the next.
func (p *pool) failed(a *address, atLeast time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := min(mostRest, firstRest<<min(a.fails, 10))
	d -= rand.N(d / 2)
	a.fails++
	a.rest = time.Now().Add(max(d, atLeast))
	if p.all[p.with] == a {
		p.with = (p.with + 1) % len(p.all)
	}
}

// scheme is how the addresses are spoken to.
func (p *pool) scheme() string { return p.all[0].base.Scheme }
