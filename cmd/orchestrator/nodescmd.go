package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"orchestrator/client"
)

func newNodes(environ []string) *cobra.Command {
	return group("nodes", "Ask a fleet for its nodes, and take them out of it",
		newNodesList(environ),
		newNodesEach(environ, "get NODE...", "Show nodes", (*client.Client).Node),
		newNodesEach(environ, "cordon NODE...", "Have nodes take no new sessions", (*client.Client).Cordon),
		newNodesEach(environ, "uncordon NODE...", "Have nodes take sessions again, after a cordon or a drain", (*client.Client).Uncordon),
		newNodesDrain(environ))
}

func newNodesList(environ []string) *cobra.Command {
	r := remote{environ: environ}
	cmd := &cobra.Command{Use: "list", Short: "List nodes", Args: cobra.NoArgs}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, _ []string) error {
		all, err := c.Nodes(ctx)
		if err != nil {
			return err
		}
		return p.nodes(all)
	})
	r.flags(cmd, "table", "json", "name")
	return cmd
}

// newNodesEach is a command that asks the same for each node named.
func newNodesEach(environ []string, use, short string, ask func(*client.Client, context.Context, string) (client.Node, error)) *cobra.Command {
	r := remote{environ: environ}
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.MinimumNArgs(1), ValidArgsFunction: noFiles}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		return each(ids, func(id string) error {
			n, err := ask(c, ctx, id)
			if err != nil {
				return err
			}
			return p.node(n)
		})
	})
	r.flags(cmd, "table", "json", "name")
	return cmd
}

func newNodesDrain(environ []string) *cobra.Command {
	r, within, wait := remote{environ: environ}, time.Duration(0), false
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Have a node hand all its sessions over",
		Long: `Have a node hand all its sessions over. It takes no new ones from then on, until it is uncordoned.

With --wait the command ends when everything is handed over, or fails at the drain's deadline.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(func() error {
		if within < 0 {
			return fmt.Errorf("deadline %q must not be negative", within)
		}
		return nil
	}, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		n, err := c.Drain(ctx, ids[0], within)
		if err == nil && wait {
			n, err = drained(ctx, c, n)
		}
		if err != nil {
			return err
		}
		return p.node(n)
	})
	r.flags(cmd, "table", "json", "name")
	cmd.Flags().DurationVar(&within, "deadline", 0, "how long it may take, up to 24h (default 30s)")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is done")
	return cmd
}

// drained waits for the end of a drain.
func drained(ctx context.Context, c *client.Client, n client.Node) (client.Node, error) {
	for {
		switch {
		case n.Drain == nil:
			return n, fmt.Errorf("%s is not draining any more: it is %s", n.ID, n.State)
		case n.Drain.Done:
			return n, nil
		case n.Drain.Overdue:
			return n, fmt.Errorf("%s: the deadline has passed with %d of %d sessions left", n.ID, n.Drain.Left, n.Drain.From)
		}
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		var err error
		if n, err = c.Node(ctx, n.ID); err != nil {
			return n, err
		}
	}
}
