package redistest

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// Proxy is a TCP proxy of the test binary's own before one address. Its faults
// are those of the [Link] that everybody without one of their own goes by.
type Proxy struct {
	*Link
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu      sync.Mutex
	sources map[string]*Link // of servers, by the address they come from
	relays  map[*relay]struct{}
	closed  bool
}

// NewProxy starts a proxy before the address target, ended with the test. It
// cuts one client off from a server that others still reach.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := startProxy(target)
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	tb.Cleanup(p.close)
	return p
}

func startProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy before %s: %w", target, err)
	}
	p := &Proxy{Link: newLink(), listener: l, target: target, sources: map[string]*Link{}, relays: map[*relay]struct{}{}}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens: 127.0.0.1 and a port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (p *Proxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// from returns the link of those who come from a server's address.
func (p *Proxy) from(source string) *Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.sources[source]
	if l == nil {
		l = newLink()
		p.sources[source] = l
	}
	return l
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		near := conn.(*net.TCPConn)
		link := p.Link
		if source := near.RemoteAddr().(*net.TCPAddr).IP.String(); source != "127.0.0.1" {
			link = p.from(source)
		}
		p.serve(newRelay(link, near))
	}
}

func (p *Proxy) serve(r *relay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !r.link.join(r) {
		r.reset()
		return
	}
	p.relays[r] = struct{}{}
	p.running.Go(func() {
		r.run(p.target)
		r.link.leave(r)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.relays, r)
	})
}

// close ends the proxy and every connection through it.
func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for r := range p.relays {
		r.reset()
	}
	p.mu.Unlock()
	p.running.Wait()
}
