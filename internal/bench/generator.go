package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Generator puts load on a fleet. Its phases run one at a time.
type Generator struct {
	cfg     Config
	run     string
	client  *client
	bodies  templates
	headers headers
	pool    pool
	serial  atomic.Uint64 // of the last session named
	filling atomic.Bool   // what is made now is kept
	failed  atomic.Int64  // deletes that failed
	doubt   atomic.Bool   // there may be sessions that the pool does not know

	// Progress receives a line a second while a phase runs; nil: nobody is told.
	Progress io.Writer
}

// headers are shared by all requests and never changed.
type headers struct{ plain, body, patch http.Header }

// New returns a generator, or what is wrong with its configuration as [ValueError]s. Nothing is sent yet.
func New(c Config) (*Generator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &Generator{cfg: c, run: strings.ToLower(rand.Text()[:10])}
	var err error
	if g.bodies, err = newTemplates(c, g.run); err != nil {
		return nil, err
	}
	if g.client, err = newClient(c); err != nil {
		return nil, err
	}
	media := c.Encoding.mediaType()
	g.headers = headers{
		plain: http.Header{"Accept": {media}},
		body:  http.Header{"Accept": {media}, "Content-Type": {media}},
		patch: http.Header{"Accept": {media}, "Content-Type": {c.Encoding.patchType()}},
	}
	return g, nil
}

// Run is this generator's own name: every session it makes has it as its label "bench".
func (g *Generator) Run() string { return g.run }

// Reach returns an error that names the first address that does not answer at all.
func (g *Generator) Reach(ctx context.Context) error { return g.client.reach(ctx) }

// Close gives the connections back. The sessions stay; see [Generator.Clean].
func (g *Generator) Close() { g.client.close() }

// Sessions is how many sessions the generator knows that it made and has not deleted.
func (g *Generator) Sessions() int {
	kept, spare := g.pool.size()
	return kept + spare + int(g.failed.Load())
}

func (g *Generator) made(ids ...string) {
	if g.filling.Load() {
		g.pool.keep(ids...)
		return
	}
	g.pool.add(ids...)
}

// Fill makes n sessions in batches, for loads to read and to change. It stops early when ctx ends, and where a batch fails: a fleet
// that is full stays full.
func (g *Generator) Fill(ctx context.Context, n int) (Phase, error) {
	g.filling.Store(true)
	defer g.filling.Store(false)
	size := g.cfg.Batch
	rest := g.bodies.batch
	if n%size > 0 {
		var err error
		if rest, err = newBatch(g.cfg.Encoding, newDraft(g.run, g.cfg.Body), n%size); err != nil {
			return Phase{}, err
		}
	}
	var begun atomic.Int64
	return g.phase(ctx, "fill", func(ctx context.Context, c *caller) error {
		for ctx.Err() == nil && c.record.errors.Load() == 0 {
			first := int(begun.Add(int64(size))) - size
			if first >= n {
				return nil
			}
			t, now := g.bodies.batch, min(size, n-first)
			if now < size {
				t = rest
			}
			if err := c.send(context.WithoutCancel(ctx), Batch, g.batch(t, now), time.Now(), now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Load sends requests as l says, until it or ctx ends. Requests that are under way then are waited for.
func (g *Generator) Load(ctx context.Context, l Load) (Phase, error) {
	if err := l.Validate(); err != nil {
		return Phase{}, err
	}
	if kept, _ := g.pool.size(); kept == 0 && l.Mix.has(Read, Eventual, Patch) {
		return Phase{}, fmt.Errorf("%s: there are no sessions to read or to change", l.Mix)
	}
	s := newSchedule(l)
	return g.phase(ctx, "load", func(ctx context.Context, c *caller) error {
		for {
			began, ok := s.turn(ctx)
			if !ok {
				return nil
			}
			if err := c.call(context.WithoutCancel(ctx), l.Mix.choose(c.rand), began); err != nil {
				return err
			}
		}
	})
}
