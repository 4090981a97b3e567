package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Mix says how often, in a hundred calls, a client does what; the rest are linearizable reads.
type Mix struct {
	Patch, Eventual, Migrate, Delete, List    int
	Publish, Messages, PutContext, GetContext int // of sessions that talk

	Fast int // how many, in a hundred sessions that are made, are fast
}

// usual is a mix in which everything happens and histories stay long.
var usual = Mix{Patch: 30, Eventual: 13, Migrate: 2, Delete: 1, List: 1, Publish: 6, Messages: 5, PutContext: 4, GetContext: 3, Fast: 30}

const (
	requestTimeout = 4 * time.Second // of the nodes
	clientTimeout  = 5 * time.Second // longer, so that a node's own answer comes first
	afterTrouble   = 40 * time.Millisecond
)

// client calls the fleet, one call at a time, and writes down each.
type client struct {
	id      int
	rng     *rand.Rand
	mix     Mix
	think   time.Duration // average pause between calls
	urls    map[string]string
	names   []string // of the nodes
	pool    *pool
	history *History
	since   func() time.Duration
	http    *http.Client

	beliefs map[string]State // what it saw last; others may have changed it
	wrote   int
	making  *Op // a create whose outcome is not known: it is asked again
	speech
}

// client returns one that has not called yet.
func (w *world) client(id int, rng *rand.Rand, mix Mix) *client {
	return &client{
		id: id, rng: rng, mix: mix, urls: w.urls(), names: w.names(), pool: w.pool, history: w.history, since: w.since, http: newHTTP(clientTimeout),
		beliefs: map[string]State{}, speech: newSpeech(),
	}
}

// run calls until the context ends; a call under way is finished.
func (c *client) run(ctx context.Context) {
	defer c.http.CloseIdleConnections()
	for ctx.Err() == nil {
		pause := time.Duration(c.rng.Int64N(int64(2*c.think) + 1))
		if c.step(context.WithoutCancel(ctx)) == Unknown {
			pause += afterTrouble
		}
		wait(ctx, pause)
	}
	if c.making != nil {
		c.pool.made("")
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// step makes one call of the mix.
func (c *client) step(ctx context.Context) Outcome {
	n := c.rng.IntN(100)
	if c.making != nil || c.pool.room() {
		return c.create(ctx)
	}
	if c.owed != nil {
		return c.send(ctx, *c.owed)
	}
	id := c.pool.pick(c.rng)
	if id == "" {
		return Unknown
	}
	if c.mix.talk() > n {
		if talker := c.pool.pickTalker(c.rng); talker != "" {
			return c.talk(ctx, talker, n)
		}
	}
	n -= c.mix.talk()
	for _, kind := range []struct {
		share int
		call  func(ctx context.Context, id string) Outcome
	}{{c.mix.Patch, c.patch}, {c.mix.Eventual, c.glance}, {c.mix.Migrate, c.migrate}, {c.mix.Delete, c.delete}, {c.mix.List, c.list}} {
		if n -= kind.share; n < 0 {
			return kind.call(ctx, id)
		}
	}
	return c.do(ctx, Op{Kind: Read, Session: id}, "GET", "/v1/sessions/"+id, nil, nil)
}

func (c *client) glance(ctx context.Context, id string) Outcome {
	return c.do(ctx, Op{Kind: Eventual, Session: id}, "GET", "/v1/sessions/"+id+"?consistency=eventual", nil, nil)
}

// create makes a session under a key, and asks again through any node, with the same key, until the outcome is known.
func (c *client) create(ctx context.Context) Outcome {
	if c.making == nil {
		c.making = &Op{Kind: Create, Value: c.value(), Fast: c.rng.IntN(100) < c.mix.Fast}
	}
	value := c.making.Value
	body := map[string]any{"type": "chaos", "name": value, "workspace": "/chaos", "labels": map[string]string{valueLabel: value}}
	if c.making.Fast {
		body["durability"] = "fast"
	}
	o := c.call(ctx, *c.making, "POST", "/v1/sessions", body, map[string]string{"Idempotency-Key": value})
	if o.Outcome != Unknown {
		c.making = nil
		c.pool.made(o.Session)
	}
	return o.Outcome
}

// patch writes a new value, on a condition that the client believes to hold in about half of the calls.
func (c *client) patch(ctx context.Context, id string) Outcome {
	o := Op{Kind: Patch, Session: id, Value: c.value()}
	headers := c.condition(&o)
	return c.do(ctx, o, "PATCH", "/v1/sessions/"+id, map[string]any{"labels": map[string]string{valueLabel: o.Value}}, headers)
}

func (c *client) delete(ctx context.Context, id string) Outcome {
	o := Op{Kind: Delete, Session: id}
	headers := c.condition(&o)
	return c.do(ctx, o, "DELETE", "/v1/sessions/"+id, nil, headers)
}

// condition makes the call depend on what the client saw last, or on nothing.
func (c *client) condition(o *Op) map[string]string {
	believed, ok := c.beliefs[o.Session]
	switch n := c.rng.IntN(4); {
	case ok && n == 0 && believed.Stamped():
		o.IfMatch = believed.Tag()
		return map[string]string{"If-Match": o.IfMatch}
	case ok && n == 1:
		o.Epoch = believed.Epoch
		return map[string]string{"Session-Epoch": fmt.Sprint(o.Epoch)}
	}
	return nil
}

func (c *client) migrate(ctx context.Context, id string) Outcome {
	o, body := Op{Kind: Migrate, Session: id}, any(nil)
	if c.rng.IntN(2) == 0 {
		o.Target = c.names[c.rng.IntN(len(c.names))]
		body = map[string]string{"node": o.Target}
	}
	return c.do(ctx, o, "POST", "/v1/sessions/"+id+"/migrate", body, nil)
}

// list reads one page; each session on it is noted as a call of its own.
func (c *client) list(ctx context.Context, _ string) Outcome {
	node := c.names[c.rng.IntN(len(c.names))]
	o := Op{Client: c.id, Kind: List, Node: node, Call: c.since()}
	a, err := send(ctx, c.http, "GET", c.urls[node]+"/v1/sessions?limit=100", nil, nil)
	o.Return = c.since()
	o.settle(a, err)
	c.history.Add(o)
	var page struct{ Sessions []sessionView }
	if o.Outcome == OK && json.Unmarshal(a.body, &page) == nil {
		for _, v := range page.Sessions {
			s, one := v.state(), o
			one.Session, one.Seen = v.ID, &s
			c.history.Add(one)
		}
	}
	return o.Outcome
}

// do makes a call on a session of the pool and learns from the answer.
func (c *client) do(ctx context.Context, o Op, method, path string, body any, headers map[string]string) Outcome {
	o = c.call(ctx, o, method, path, body, headers)
	c.learn(o)
	return o.Outcome
}

// learn keeps in mind what an answer told of a session.
func (c *client) learn(o Op) {
	switch {
	case o.Kind == Eventual:
	case o.Absent(), o.Kind == Delete && o.Outcome == OK:
		c.pool.remove(o.Session)
		delete(c.beliefs, o.Session)
	case o.Beside() && (o.Seen == nil || o.Seen.Epoch <= c.beliefs[o.Session].Epoch): // it tells less than what is believed
	case o.Seen != nil && o.Seen.Epoch > 0:
		c.beliefs[o.Session] = *o.Seen
	}
}

// call sends one request to any node and writes it down.
func (c *client) call(ctx context.Context, o Op, method, path string, body any, headers map[string]string) Op {
	o.Client, o.Node = c.id, c.names[c.rng.IntN(len(c.names))]
	o.Call = c.since()
	a, err := send(ctx, c.http, method, c.urls[o.Node]+path, body, headers)
	o.Return = c.since()
	o.settle(a, err)
	c.history.Add(o)
	return o
}

// value returns a text that nobody else writes.
func (c *client) value() string {
	c.wrote++
	return fmt.Sprintf("c%d.%d", c.id, c.wrote)
}
