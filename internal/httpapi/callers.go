package httpapi

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// headerForwardedFor is how a proxy says for whom it asks: each adds, at the end, the address that it was asked from.
const headerForwardedFor = "X-Forwarded-For"

// caller is who a request comes from: the peer's address or, where the peer is a trusted proxy, the last that is named to it by trusted ones.
type caller struct {
	addr netip.Addr // the zero one where it is not known

	// beside says that it is a process on the node's own machine: the runner, above all, which has a stream of messages for each session. It
	// asked from a loopback address or the node's own, and nobody says to have forwarded it: what a proxy beside the node forwards comes from
	// elsewhere.
	beside bool
}

// forwarders are the headers by which a proxy lets itself be known.
var forwarders = []string{headerForwardedFor, "Forwarded", "Via", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

func forwarded(h http.Header) bool {
	return slices.ContainsFunc(forwarders, func(name string) bool { return len(h.Values(name)) > 0 })
}

func callerOf(c *gin.Context) caller {
	from := caller{addr: parseAddr(cmp.Or(c.ClientIP(), c.RemoteIP()))} // gin knows no address with a zone
	if !forwarded(c.Request.Header) {
		from.beside = from.addr.IsLoopback() || from.addr.IsValid() && from.addr == asked(c)
	}
	return from
}

// asked returns the node's own address of the connection.
func asked(c *gin.Context) netip.Addr {
	if here, ok := c.Request.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return here.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func parseAddr(s string) netip.Addr {
	addr, _ := netip.ParseAddr(s)
	return addr.Unmap()
}

// serveStream answers with a stream, if its caller may have one more.
func (a *api) serveStream(c *gin.Context, q query, stream handler) error {
	leave, err := a.clients.enter(callerOf(c))
	if err != nil {
		a.metrics.refuse(template(c), ofClient)
		return err
	}
	defer leave()
	err = stream(c, q)
	var full *session.LimitError
	if errors.As(err, &full) {
		a.metrics.refuse(template(c), ofNode)
	}
	return err
}

// clients counts the streams that are open by who follows them, of all kinds together.
type clients struct {
	most int

	mu   sync.Mutex
	open map[netip.Addr]int // of those alone who have any
}

// host is what counts as one client: an address, or of IPv6 the network of 64 bits that a host chooses its addresses from.
func host(addr netip.Addr) netip.Addr {
	if network, err := addr.Prefix(64); err == nil && addr.Is6() {
		return network.Addr()
	}
	return addr
}

// adviceForClient goes with the refusal: whoever is told may not be the one who has the streams.
const adviceForClient = "end one, or follow through another node; clients behind a proxy count as one unless the node's trustedProxies names it, " +
	"and its maxStreamsPerClient is this limit"

// enter counts a stream until leave is called. Processes beside the node are not held to the limit: the runner needs a stream for each session.
func (cs *clients) enter(from caller) (leave func(), err error) {
	if from.beside {
		return func() {}, nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	client := host(from.addr)
	if n := cs.open[client]; n >= cs.most {
		return nil, &session.LimitError{Thing: "streams of one client on this node", Used: n, Limit: cs.most, Advice: adviceForClient}
	}
	cs.open[client]++
	return func() { cs.left(client) }, nil
}

func (cs *clients) left(client netip.Addr) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open[client]--; cs.open[client] == 0 {
		delete(cs.open, client)
	}
}

// seats are how many of something there may be at once.
type seats struct {
	thing, advice string
	most          int
	taken         atomic.Int64
}

const elsewhere = "end one, or follow through another node"

// take takes one until leave is called.
func (s *seats) take() (leave func(), err error) {
	if s.taken.Add(1) > int64(s.most) {
		s.taken.Add(-1)
		return nil, &session.LimitError{Thing: s.thing, Used: s.most, Limit: s.most, Advice: s.advice}
	}
	return func() { s.taken.Add(-1) }, nil
}
