package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"orchestrator/client"
	"orchestrator/internal/runner"
)

// runAgents runs a command for each session of a node until ctx ends.
func runAgents(ctx context.Context, o runOptions, stderr io.Writer) error {
	o.config.Log = newLogger(stderr, o.logLevel, o.logFormat)
	c, err := client.New(client.Config{Addrs: []string{o.config.API}, Log: o.config.Log})
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := runner.New(o.config, besideNode{c, o.config.API}, sessionsOf{c})
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// besideNode is the node as the runner follows it.
type besideNode struct {
	client *client.Client
	addr   string
}

// Identify asks what the node offers.
func (n besideNode) Identify(ctx context.Context) (runner.Identity, error) {
	i, err := n.client.Index(ctx)
	return runner.Identity{Version: i.Version, Routes: i.Routes}, told(err)
}

// Run hands leases out.
func (n besideNode) Run(ctx context.Context, work func(runner.Lease)) error {
	return n.client.Run(ctx, n.addr, func(_ context.Context, l *client.Lease) { work(heldLease{l}) })
}

// heldLease is a client's lease as the runner sees it.
type heldLease struct{ *client.Lease }

// Session returns the session as it was assigned.
func (l heldLease) Session() runner.Session { return agentOf(l.Lease.Session(), l.Epoch()) }

func agentOf(s client.Session, epoch uint64) runner.Session {
	return runner.Session{ID: s.ID, Type: s.Type, Name: s.Name, Workspace: s.Workspace, Status: string(s.Status), Epoch: epoch, Labels: s.Labels}
}

// sessionsOf is what the fleet keeps for sessions.
type sessionsOf struct{ client *client.Client }

// Get reads a session.
func (s sessionsOf) Get(ctx context.Context, id string) (runner.Session, error) {
	got, err := s.client.GetSession(ctx, id)
	return agentOf(got, got.Epoch), told(err)
}

// Report changes a session under an epoch.
func (s sessionsOf) Report(ctx context.Context, id string, epoch uint64, r runner.Report) error {
	p := client.Patch{Status: client.Status(r.Status), Labels: map[string]string{}}
	for k, v := range r.Labels {
		if v == nil {
			p.RemoveLabels = append(p.RemoveLabels, k)
		} else {
			p.Labels[k] = *v
		}
	}
	_, err := s.client.PatchSession(ctx, id, p, client.Condition{Epoch: epoch})
	return told(err)
}

// Publish adds messages under an epoch.
func (s sessionsOf) Publish(ctx context.Context, id string, epoch uint64, key string, all []runner.Message) error {
	drafts := make([]client.MessageDraft, len(all))
	for i, m := range all {
		drafts[i] = client.MessageDraft{Kind: m.Kind, Data: m.Text}
	}
	_, err := s.client.Publish(ctx, id, client.Publication{Epoch: epoch, IdempotencyKey: key}, drafts...)
	return told(err)
}

// Inputs follows what is sent to a session.
func (s sessionsOf) Inputs(ctx context.Context, id, after string, take func(runner.Input) error) error {
	for m, err := range s.client.FollowMessages(ctx, id, client.MessageSelection{After: after, Kinds: []string{runner.KindInput}}) {
		if err != nil {
			return told(err)
		}
		if err := take(runner.Input{ID: m.ID, Data: m.Data}); err != nil {
			return err
		}
	}
	return nil
}

// told turns a client's error into what the runner decides by.
func told(err error) error {
	var e *client.Error
	switch {
	case err == nil || !errors.As(err, &e):
		return err
	case errors.Is(e, client.ErrStaleEpoch), errors.Is(e, client.ErrNotFound):
		return fmt.Errorf("%w: %w", runner.ErrLost, err)
	case errors.Is(e, client.ErrCursorGone):
		return &runner.GoneError{Oldest: e.Oldest}
	case errors.Is(e, client.ErrUnavailable), errors.Is(e, client.ErrRateLimited), e.Status/100 == 5:
		return err
	case e.Status != 0 || errors.Is(e, client.ErrInvalid):
		return fmt.Errorf("%w: %w", runner.ErrRefused, err)
	}
	return err
}
