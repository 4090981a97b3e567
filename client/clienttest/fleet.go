package clienttest

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"orchestrator/client"
)

// Fleet is a fleet in memory. It is safe for concurrent use.
type Fleet struct {
	// RevokeTimeout is how long a process may take to acknowledge; it is cut off then. Validity is how long a node's word holds unless it is
	// renewed, which it is four times as often. Both may be set before the first request.
	RevokeTimeout, Validity time.Duration

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, at every change
	nodes    map[string]*node
	sessions map[string]*session
	keys     map[string]keyed
	events   []client.Event
	serial   uint64
}

// New returns a fleet of nodes, each ready and of room for 1,000 sessions.
func New(nodes ...string) *Fleet {
	f := &Fleet{
		RevokeTimeout: 5 * time.Second, Validity: 4 * time.Second,
		changed: make(chan struct{}), nodes: map[string]*node{}, sessions: map[string]*session{}, keys: map[string]keyed{},
	}
	for _, id := range nodes {
		n := &node{fleet: f, followers: map[string]*follower{}}
		n.view = client.Node{ID: id, Incarnation: "0123456789abcdef", Host: "127.0.0.1", State: client.Ready, MaxSessions: 1000, Weight: 1,
			Version: "clienttest", StartedAt: now()}
		n.mux = n.routes()
		f.nodes[id] = n
		f.tell(client.Event{Type: client.NodeJoined, Node: id})
	}
	return f
}

// node is one node of the fleet, and its handler.
type node struct {
	fleet     *Fleet
	view      client.Node // its state; what is counted is counted when it is shown
	mux       *http.ServeMux
	index     client.Index
	failing   int // requests that are to be answered with failWith
	failWith  failure
	stopped   chan struct{} // closed by Stop; nil before the first
	silent    bool
	followers map[string]*follower // by watcher
}

// Node returns the handler of one node, nil where there is none of this id.
func (f *Fleet) Node(id string) http.Handler {
	if n := f.nodes[id]; n != nil {
		return n
	}
	return nil
}

// Reached tells the fleet where a node is reached, as host:port, so that others can be told.
func (f *Fleet) Reached(id, addr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	host, port, _ := net.SplitHostPort(addr)
	f.nodes[id].view.Host = host
	f.nodes[id].view.Port, _ = strconv.Atoi(port)
}

// Fail has a node answer its next requests with a status and a problem's code, such as 503 and "store-unavailable". applied has it do what
// they ask for all the same.
func (f *Fleet) Fail(id string, requests, status int, code string, applied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes[id].failing, f.nodes[id].failWith = requests, failure{problem{Status: status, Code: code, Title: "a failure that was asked for"}, applied}
}

// Stop ends a node's streams, and has it refuse everything as one that is leaving, until Start.
func (f *Fleet) Stop(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[id]
	if n.stopped != nil {
		return
	}
	n.stopped = make(chan struct{})
	for _, w := range n.followers {
		w.cut("stopping")
	}
	f.stir()
}

// Start undoes Stop.
func (f *Fleet) Start(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes[id].stopped = nil
}

// Silence has a node's streams of assignments tell no more until when it may act, as one that cannot reach Redis; or ends that.
func (f *Fleet) Silence(id string, silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes[id].silent = silent
}

// stir wakes whoever waits for a change.
func (f *Fleet) stir() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *Fleet) nextSerial() uint64 {
	f.serial++
	return f.serial
}

// place returns the node with the fewest sessions that takes new ones, preferred ones first; nil: none has room.
func (f *Fleet) place(wanted client.Placement, not string) *node {
	var all []*node
	for _, n := range f.nodes {
		if n.view.State == client.Ready && n.stopped == nil && n.view.ID != not && f.count(n.view.ID) < n.view.MaxSessions {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b *node) int {
		return cmp.Or(-compare(a.view.ID == wanted.Node, b.view.ID == wanted.Node),
			cmp.Compare(f.count(a.view.ID), f.count(b.view.ID)), cmp.Compare(a.view.ID, b.view.ID))
	})
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (f *Fleet) count(node string) (n int) {
	for _, s := range f.sessions {
		if s.Owner == node {
			n++
		}
	}
	return n
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
