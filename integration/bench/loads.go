package bench

import (
	"errors"
	"fmt"
	"time"

	load "orchestrator/internal/bench"
)

// generator sends load to the addresses, until the test ends. With an odd configuration it fails the run.
func (s *suite) generator(urls []string, edit func(c *load.Config)) *load.Generator {
	s.tb.Helper()
	c := load.Defaults()
	c.URLs, c.Concurrency, c.Batch, c.Body, c.Load = urls, callers, batchSize, usualBody, load.Load{Mix: load.Only(load.Create), Requests: 1}
	if edit != nil {
		edit(&c)
	}
	g, err := load.New(c)
	if err != nil {
		s.tb.Fatalf("bench: %v", err)
	}
	s.tb.Cleanup(g.Close)
	return g
}

// fills is how often sessions are filled up where some were not made, before that is given up.
const fills = 5

// fill makes n sessions.
func (s *suite) fill(g *load.Generator, n int) {
	s.tb.Helper()
	missing := n
	for range fills {
		p, err := g.Fill(s.ctx(), missing)
		s.judge(fmt.Sprintf("fill %d", missing), p, err)
		if missing -= int(p.Of(load.Batch).Sessions); missing == 0 {
			return
		}
		s.pause(2 * time.Second) // a server that did not answer is busy, and asking it more makes it no less so
	}
	s.tb.Fatalf("bench: %d of %d sessions were not made", missing, n)
}

// warm sends a little of a load that is to be measured: connections are made, and nothing is new to anybody.
func (s *suite) warm(g *load.Generator, l load.Load) {
	s.tb.Helper()
	if s.size.warmup == 0 {
		return
	}
	l.Requests, l.Duration = 0, s.size.warmup
	p, err := g.Load(s.ctx(), l)
	s.judge("warm up for "+l.Mix.String(), p, err)
}

// measure sends one load, warmed up, and returns what was measured of its only operation.
func (s *suite) measure(g *load.Generator, l load.Load) load.Operation {
	s.tb.Helper()
	s.warm(g, l)
	return s.send(g, l)
}

func (s *suite) send(g *load.Generator, l load.Load) load.Operation {
	s.tb.Helper()
	o, err := s.try(g, l)
	if err != nil {
		s.tb.Fatalf("bench: %v", err)
	}
	return o
}

// try is send for what a server may not be able to.
func (s *suite) try(g *load.Generator, l load.Load) (load.Operation, error) {
	s.tb.Helper()
	p, err := g.Load(s.ctx(), l)
	var unspoken *load.EncodingError
	if errors.As(err, &unspoken) {
		return load.Operation{}, err
	}
	s.judge(l.Mix.String(), p, err)
	return p.Operations[0], nil
}

// judge fails the run where a request failed, and goes on: a figure beside which one did is told with it.
func (s *suite) judge(what string, p load.Phase, err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatalf("bench: %s: %v", what, err)
	}
	for _, e := range p.Errors {
		text := fmt.Sprintf("%s: %s: %d failed with %s, the first: %s", s.tb.Name(), what, e.Count, e.Code, e.First)
		s.failed = append(s.failed, text)
		s.tb.Error(text)
	}
	s.loads = append(s.loads, measured{what, s.round, p})
}
