package redistest

import (
	"errors"
	"fmt"
	"net"
	"testing"
)

// front is what stands before a proxied server: a proxy for clients and
// replication and one for the cluster bus. The server connects to others from
// an address that no other server of its topology has and no client, so that
// their proxies know it.
type front struct {
	clients, bus *Proxy
	source       string
}

// errOneLoopback says that loopback has no further addresses, as outside Linux:
// servers cannot be told apart there.
var errOneLoopback = errors.New("proxied servers need the addresses 127.0.0.2 and on")

// proxy puts proxies before the node's ports where the settings ask for it.
func (n *Node) proxy(s *settings) (err error) {
	if s.proxied == nil {
		return nil
	}
	f := &front{source: fmt.Sprintf("127.0.0.%d", 1+s.proxied.Add(1))}
	l, err := net.Listen("tcp4", net.JoinHostPort(f.source, "0"))
	if err != nil {
		return fmt.Errorf("%w: %w", errOneLoopback, err)
	}
	_ = l.Close()
	if f.clients, err = startProxy(n.ports[0].Addr()); err != nil {
		return err
	}
	if f.bus, err = startProxy(n.ports[1].Addr()); err != nil {
		f.clients.close()
		return err
	}
	n.front = f
	return nil
}

func (f *front) close() {
	if f != nil {
		f.clients.close()
		f.bus.close()
	}
}

// place is where the node is, for its configuration.
func (n *Node) place() place {
	at := place{port: n.ports[0].Number, busPort: n.ports[1].Number}
	if n.front != nil {
		at.announced, at.busAtProxy, at.source = n.front.clients.port(), n.front.bus.port(), n.front.source
	}
	return at
}

// Link is the way by which clients reach a [Proxied] node; [Node.Admin] goes
// past it.
func (n *Node) Link(tb testing.TB) *Link {
	tb.Helper()
	return n.fronted(tb).clients.Link
}

func (n *Node) fronted(tb testing.TB) *front {
	tb.Helper()
	if n.front == nil {
		tb.Fatalf("redistest: no proxy stands before %s: start it with Proxied", n)
	}
	return n.front
}

// Isolate cuts a node of a [Proxied] cluster off from all others: it hears none
// and none hears it, on the bus and in replication, while clients still reach
// it. Connections hang, as in a partition.
func (c *Cluster) Isolate(tb testing.TB, n *Node) {
	tb.Helper()
	c.eachPeer(tb, n, func(own, peer *front) {
		for _, l := range between(own, peer) {
			l.Hang(true)
		}
	})
}

// Lag stops what reaches a replica by replication while it stays a member in
// good standing: when its master is lost, it is promoted without what was
// written since.
func (c *Cluster) Lag(tb testing.TB, n *Node) {
	tb.Helper()
	c.eachPeer(tb, n, func(own, peer *front) { peer.clients.from(own.source).Hang(true) })
}

// Rejoin ends [Cluster.Isolate] and [Cluster.Lag].
func (c *Cluster) Rejoin(tb testing.TB, n *Node) {
	tb.Helper()
	c.eachPeer(tb, n, func(own, peer *front) {
		for _, l := range between(own, peer) {
			l.Heal()
		}
	})
}

// between are the ways that two servers have to each other.
func between(a, b *front) []*Link {
	return []*Link{a.clients.from(b.source), a.bus.from(b.source), b.clients.from(a.source), b.bus.from(a.source)}
}

func (c *Cluster) eachPeer(tb testing.TB, n *Node, do func(own, peer *front)) {
	tb.Helper()
	for _, peer := range c.Nodes() {
		if peer != n {
			do(n.fronted(tb), peer.fronted(tb))
		}
	}
}
