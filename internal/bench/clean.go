package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Clean deletes the sessions that the generator made, one request each.
func (g *Generator) Clean(ctx context.Context) (Phase, error) { return g.deleteAll(ctx, "clean") }

func (g *Generator) deleteAll(ctx context.Context, phase string) (Phase, error) {
	g.pool.release()
	return g.phase(ctx, phase, func(ctx context.Context, c *caller) error {
		for ctx.Err() == nil {
			id, ok := g.pool.take()
			if !ok {
				return nil
			}
			if err := c.send(context.WithoutCancel(ctx), Delete, g.deletion(id), time.Now(), 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep deletes what is left of this generator's sessions where an answer was lost that would have told: those that the fleet lists under
// its label. It sends nothing where every request was answered for certain.
func (g *Generator) Sweep(ctx context.Context) (Phase, error) {
	if !g.doubt.Load() {
		return Phase{}, nil
	}
	if err := g.find(ctx); err != nil {
		return Phase{}, err
	}
	return g.deleteAll(ctx, "sweep")
}

// find adds to the pool what the fleet lists under this run's label.
func (g *Generator) find(ctx context.Context) error {
	var ids []string
	for token := ""; ; {
		var page struct {
			Sessions []struct {
				ID string `json:"id"`
			} `json:"sessions"`
			Next string `json:"nextPageToken"`
		}
		query := url.Values{"label": {"bench=" + g.run}, "limit": {"1000"}}
		if token != "" {
			query.Set("pageToken", token)
		}
		a, err := g.client.do(ctx, 0, request{method: http.MethodGet, path: "/v1/sessions", query: query.Encode(), header: g.headers.plain}, new(bytes.Buffer))
		if err == nil && a.status != http.StatusOK {
			err = refused(a)
		}
		if err == nil {
			err = unmarshal(a.header, a.body, &page)
		}
		if err != nil {
			return fmt.Errorf("look for sessions with label bench=%s: %w", g.run, err)
		}
		for _, s := range page.Sessions {
			ids = append(ids, s.ID)
		}
		if token = page.Next; token == "" {
			g.pool.learn(ids)
			g.failed.Store(0)
			return nil
		}
	}
}
