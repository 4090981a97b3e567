package main

import (
	"context"

	"orchestrator/internal/peers"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
)

// neighbours is the registry as the watch over a node's peers wants it.
type neighbours struct{ *registry.Registry }

func (n neighbours) View() []session.Node { return n.Registry.View().Nodes() }

func (n neighbours) Bury(ctx context.Context, h session.Holder) (peers.Outcome, error) {
	burial, err := n.Registry.Bury(ctx, h)
	return peers.Outcome(burial), err
}

func (n neighbours) Report(ctx context.Context, about session.Holder, why string, watchers int) error {
	_, err := n.Registry.Report(ctx, registry.Verdict{About: about, Why: why, Watchers: watchers})
	return err
}
