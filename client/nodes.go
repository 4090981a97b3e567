package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// NodeState says whether a node takes new sessions.
type NodeState string

// The states of a node.
const (
	Ready    NodeState = "ready"    // takes new sessions
	Cordoned NodeState = "cordoned" // keeps its sessions, takes no new ones
	Draining NodeState = "draining" // hands its sessions over
	Dead     NodeState = "dead"     // its registration has ended
)

// Node is one orchestrator process.
type Node struct {
	ID          string    `json:"id"`
	Incarnation string    `json:"incarnation"` // another one each time it starts
	Host        string    `json:"host"`        // where it is reached
	Port        int       `json:"port"`
	State       NodeState `json:"state"`
	MaxSessions int       `json:"maxSessions"`
	Weight      float64   `json:"weight"` // its share of sessions relative to others; 1 is ordinary
	Zone        string    `json:"zone"`
	Version     string    `json:"version"`
	StartedAt   time.Time `json:"startedAt,omitzero"`
	HeartbeatAt time.Time `json:"heartbeatAt,omitzero"` // by Redis's clock
	ExpiresAt   time.Time `json:"expiresAt,omitzero"`   // by Redis's clock
	MemoryUsage int64     `json:"memoryUsage"`          // resident bytes
	Sessions    int       `json:"sessions"`
	Drain       *Drain    `json:"drain,omitempty"`      // where it is Draining
	Quarantine  string    `json:"quarantine,omitempty"` // why its peers hold that it cannot serve; empty: they do not
}

// Drain is how far a node is with handing its sessions over.
type Drain struct {
	StartedAt  time.Time `json:"startedAt,omitzero"`
	Deadline   time.Time `json:"deadline,omitzero"`
	From       int       `json:"from"` // sessions when it began
	Left       int       `json:"left"`
	HandedOver int       `json:"handedOver"`
	Done       bool      `json:"done"`
	Overdue    bool      `json:"overdue"`
}

// Nodes returns every registered node.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var out struct{ Nodes []Node }
	_, err := c.call(ctx, &request{method: http.MethodGet, path: "/v1/nodes"}, &out)
	return out.Nodes, err
}

// Node returns one node. It fails with ErrNotFound where none of this id is registered.
func (c *Client) Node(ctx context.Context, id string) (Node, error) {
	return c.node(ctx, http.MethodGet, id, "", nil)
}

// Cordon makes a node take no new sessions. It keeps those that it has.
func (c *Client) Cordon(ctx context.Context, id string) (Node, error) {
	return c.node(ctx, http.MethodPost, id, "/cordon", nil)
}

// Uncordon undoes Cordon and Drain.
func (c *Client) Uncordon(ctx context.Context, id string) (Node, error) {
	return c.node(ctx, http.MethodPost, id, "/uncordon", nil)
}

// Drain makes a node hand all its sessions over, within a time of up to 24 hours; 0: 30 s. It answers when that has begun; Node says how far
// it is.
func (c *Client) Drain(ctx context.Context, id string, within time.Duration) (Node, error) {
	body := map[string]string{}
	if within != 0 {
		body["deadline"] = within.String()
	}
	return c.node(ctx, http.MethodPost, id, "/drain", body)
}

// node asks for a node, or for a state of it. To ask again for the same state changes nothing more.
func (c *Client) node(ctx context.Context, method, id, verb string, body any) (Node, error) {
	path, err := nodePath(id, verb)
	if err != nil {
		return Node{}, err
	}
	r := &request{method: method, path: path}
	if body != nil {
		if r, err = jsonRequest(method, path, body); err != nil {
			return Node{}, err
		}
	}
	r.again = true
	var n Node
	_, err = c.call(ctx, r, &n)
	return n, err
}

// Assignment is one session that a node is to run, under an epoch.
type Assignment struct {
	ID      string  `json:"id"`
	Epoch   uint64  `json:"epoch"`
	Session Session `json:"session"`
}

// Assignments returns the sessions that a node is to run, as any node tells it. It gives no right to run them: Follow and Run do.
func (c *Client) Assignments(ctx context.Context, node string) ([]Assignment, error) {
	path, err := nodePath(node, "/assignments")
	if err != nil {
		return nil, err
	}
	var out struct{ Assignments []Assignment }
	_, err = c.call(ctx, &request{method: http.MethodGet, path: path}, &out)
	return out.Assignments, err
}

// Rebalance is what evening out the load takes.
type Rebalance struct {
	DryRun   bool            `json:"dryRun"`
	Moves    int             `json:"moves"` // sessions to move in all
	Nodes    []RebalanceNode `json:"nodes"`
	Sessions []RebalanceMove `json:"sessions"` // the first that would move, at most 1,000
}

// RebalanceNode is one node's part in it.
type RebalanceNode struct {
	ID       string `json:"id"`
	Sessions int    `json:"sessions"`
	Target   int    `json:"target"`
	Give     int    `json:"give"`    // sessions it has to give away
	Movable  int    `json:"movable"` // of those, how many may be moved now
}

// RebalanceMove is one session that would move.
type RebalanceMove struct {
	ID   string `json:"id"`
	From string `json:"from"`
}

// Rebalance begins to even out the load with the fewest moves, or with dryRun only says what it would do. It is repeated only while nothing
// was done.
func (c *Client) Rebalance(ctx context.Context, dryRun bool) (Rebalance, error) {
	r := &request{method: http.MethodPost, path: "/v1/rebalance", again: dryRun}
	if dryRun {
		r.query = url.Values{"dryRun": {strconv.FormatBool(dryRun)}}
	}
	var out Rebalance
	_, err := c.call(ctx, r, &out)
	return out, err
}
