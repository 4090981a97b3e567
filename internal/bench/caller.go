package bench

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// caller is one of those that send at the same time; its fields are its own.
type caller struct {
	g      *Generator
	record *recorder
	rand   *rand.Rand
	turn   int          // which base is next
	answer bytes.Buffer // the last answer's body
}

// call sends a request of a load, whose time began at the moment given. It fails only where the whole run is pointless.
func (c *caller) call(ctx context.Context, op Op, began time.Time) error {
	op, r := c.compose(op)
	return c.send(ctx, op, r, began, c.g.cfg.Batch)
}

// send sends a request and records what became of it; size is the number of a batch's sessions.
func (c *caller) send(ctx context.Context, op Op, r request, began time.Time, size int) error {
	c.turn++
	a, err := c.g.client.do(ctx, c.turn, r, &c.answer)
	o := outcome{op: op, took: time.Since(began), sent: len(r.body), received: len(a.body)}
	switch {
	case err != nil:
		o.lost, o.failed = true, []*failure{unanswered(err)}
	case a.status != wanted[op]:
		o.lost, o.failed = true, []*failure{refused(a)}
	default:
		o.settle(c.g, a, size)
	}
	c.g.doubts(o)
	c.record.ended(o)
	if err != nil {
		return nil
	}
	return c.g.cfg.Encoding.spoken(a)
}

// doubts notes what a failure leaves unknown.
func (g *Generator) doubts(o outcome) {
	if o.op != Create && o.op != Batch && o.op != Delete {
		return
	}
	if o.op == Delete && o.lost && o.failed[0].code != notFound {
		g.failed.Add(1)
	}
	if slices.ContainsFunc(o.failed, func(f *failure) bool { return f.unsure }) {
		g.doubt.Store(true)
	}
}

// wanted is the status of an operation's success.
var wanted = [ops]int{
	Create: http.StatusCreated, Read: http.StatusOK, Eventual: http.StatusOK, Patch: http.StatusOK, List: http.StatusOK, Batch: http.StatusOK,
	Delete: http.StatusNoContent,
}

// settle takes over what a success says.
func (o *outcome) settle(g *Generator, a answer, size int) {
	switch o.op {
	case List:
	case Batch:
		ids, failed, bad := batchItems(a, size)
		if bad != nil {
			o.lost, failed = true, []*failure{bad}
		}
		g.made(ids...)
		o.sessions, o.failed = len(ids), failed
	case Create:
		id, bad := createdID(a.header)
		if bad != nil {
			o.lost, o.failed = true, []*failure{bad}
			return
		}
		g.made(id)
		o.sessions = 1
	default:
		o.sessions = 1
	}
}

// compose builds the request of an operation. A delete that finds nothing to delete becomes a create.
func (c *caller) compose(op Op) (Op, request) {
	g := c.g
	if op == Delete {
		if id, ok := g.pool.take(); ok {
			return op, g.deletion(id)
		}
		op = Create
	}
	switch op {
	case Read, Eventual, Patch:
		return op, c.single(op)
	case List:
		return op, g.listing(int(g.serial.Add(1) % Groups))
	case Batch:
		return op, g.batch(g.bodies.batch, g.cfg.Batch)
	}
	return op, request{http.MethodPost, "/v1/sessions", "", g.headers.body, g.bodies.create.fill(g.serial.Add(1))}
}

// single builds a request of one session that Fill made.
func (c *caller) single(op Op) request {
	id, _ := c.g.pool.any(c.rand)
	r := request{method: http.MethodGet, path: "/v1/sessions/" + id, header: c.g.headers.plain}
	switch op {
	case Eventual:
		r.query = "consistency=eventual"
	case Patch:
		r.method, r.header, r.body = http.MethodPatch, c.g.headers.patch, c.g.bodies.patch.fill(c.g.serial.Add(1))
	}
	return r
}

func (g *Generator) deletion(id string) request {
	return request{method: http.MethodDelete, path: "/v1/sessions/" + id, header: g.headers.plain}
}

func (g *Generator) listing(group int) request {
	query := "status=active&label=" + url.QueryEscape("group=g"+strconv.Itoa(group)) + "&limit=" + strconv.Itoa(ListPage)
	return request{method: http.MethodGet, path: "/v1/sessions", query: query, header: g.headers.plain}
}

// batch builds a request of n new sessions.
func (g *Generator) batch(t template, n int) request {
	first := g.serial.Add(uint64(n)) - uint64(n)
	return request{http.MethodPost, "/v1/sessions/batch", "", g.headers.body, t.fill(first)}
}
