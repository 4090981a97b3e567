package main

import (
	"context"

	"github.com/spf13/cobra"

	"orchestrator/client"
)

func newCluster(environ []string) *cobra.Command {
	return group("cluster", "Ask a fleet how it is, and even it out", newClusterMetrics(environ), newClusterRebalance(environ), newClusterEvents(environ))
}

func newClusterMetrics(environ []string) *cobra.Command {
	r := remote{environ: environ}
	cmd := &cobra.Command{Use: "metrics", Short: "Show the fleet's numbers", Args: cobra.NoArgs}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, _ []string) error {
		m, err := c.ClusterMetrics(ctx)
		if err != nil {
			return err
		}
		return p.metrics(m)
	})
	r.flags(cmd, "table", "json")
	return cmd
}

func newClusterRebalance(environ []string) *cobra.Command {
	r, dryRun := remote{environ: environ}, false
	cmd := &cobra.Command{Use: "rebalance", Short: "Even out the load with the fewest moves", Args: cobra.NoArgs}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, _ []string) error {
		b, err := c.Rebalance(ctx, dryRun)
		if err != nil {
			return err
		}
		return p.rebalance(b)
	})
	r.flags(cmd, "table", "json")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be moved")
	return cmd
}

func newClusterEvents(environ []string) *cobra.Command {
	r, sel, follow := remote{environ: environ}, client.EventSelection{}, false
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened in the fleet, or watch it happen",
		Long: `Show what happened in the fleet: the events that are still kept, or those after --cursor. With -o json it is one event a line.

With --follow it goes on with those to come, until it is interrupted or has missed some: it begins now, or after --cursor.`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = r.asking(func() error { return atLeast("limit", sel.Limit, 0) },
		func(ctx context.Context, c *client.Client, p printer, _ []string) error {
			if follow {
				return watchEvents(ctx, c, p, sel)
			}
			return kept(ctx, c, p, sel)
		})
	r.flags(cmd, "table", "json")
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with what is to come")
	f.StringSliceVar(&sel.Types, "type", nil, "types, any of them, such as session.moved")
	f.StringVar(&sel.Session, "session", "", "of this session alone")
	f.StringVar(&sel.Node, "node", "", "of this node alone")
	f.StringVar(&sel.Cursor, "cursor", "", "after which to begin")
	f.IntVar(&sel.Limit, "limit", 0, "how many at most, without --follow; 0: all")
	return cmd
}

// kept prints the events that are kept, page by page.
func kept(ctx context.Context, c *client.Client, p printer, sel client.EventSelection) error {
	left := sel.Limit
	for {
		if sel.Limit = 1000; left > 0 {
			sel.Limit = min(left, sel.Limit)
		}
		page, err := c.Events(ctx, sel)
		if err != nil {
			return err
		}
		if err := p.events(page.Events); err != nil || page.Next == sel.Cursor || page.Next == "" {
			return err
		}
		sel.Cursor = page.Next
		if left > 0 {
			if left -= len(page.Events); left <= 0 {
				return nil
			}
		}
	}
}

// watchEvents prints events as they come. To be interrupted is how it ends.
func watchEvents(ctx context.Context, c *client.Client, p printer, sel client.EventSelection) error {
	for e, err := range c.WatchEvents(ctx, sel) {
		if err != nil {
			return unlessTold(ctx, err)
		}
		if err := p.event(e); err != nil {
			return err
		}
	}
	return nil
}
