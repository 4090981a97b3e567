package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"orchestrator/client"
	"orchestrator/internal/session"
)

// selection is which sessions a command is about.
type selection struct {
	types, statuses, owners       []string
	workspace, selector, ordering string
}

// statusNames are the statuses as a flag takes them.
func statusNames() (all []string) {
	for _, s := range session.Statuses {
		all = append(all, string(s))
	}
	return all
}

var orderings = []string{"id", "createdAt", "-createdAt"}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.selector, "selector", "l", "", "labels, as kubectl selects by them: tier=gold,region!=eu,team,!old, tier in (gold,silver)")
	f.StringSliceVar(&s.types, "type", nil, "types, any of them")
	f.StringSliceVar(&s.statuses, "status", nil, "statuses, any of them: "+strings.Join(statusNames(), ", "))
	f.StringSliceVar(&s.owners, "owner", nil, "nodes that own them, any of them")
	f.StringVar(&s.workspace, "workspace", "", "workspace, to the letter")
	complete(cmd, "status", statusNames()...)
}

func (s *selection) order(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.ordering, "order-by", "", "order: createdAt, -createdAt for the newest first, or id, the cheapest: partition by partition (default id)")
	complete(cmd, "order-by", orderings...)
}

// check judges what nodes would refuse for its form.
func (s *selection) check() error {
	for _, status := range s.statuses {
		if !slices.Contains(statusNames(), status) {
			return fmt.Errorf("status %q must be %s", status, alternatives(statusNames()))
		}
	}
	if s.ordering != "" && !slices.Contains(orderings, s.ordering) {
		return fmt.Errorf("order-by %q must be %s", s.ordering, alternatives(orderings))
	}
	return nil
}

// selected is the selection as the client takes it. Plain pairs go as labels, which nodes of every version know.
func (s *selection) selected() client.Selection {
	sel := client.Selection{Types: s.types, Owners: s.owners, Workspace: s.workspace, OrderBy: s.ordering}
	for _, status := range s.statuses {
		sel.Statuses = append(sel.Statuses, client.Status(status))
	}
	if sel.Labels = plainPairs(s.selector); sel.Labels == nil {
		sel.Selector = s.selector
	}
	return sel
}

// plainPairs reads a selector of nothing but key=value, each key once; nil: it is another one.
func plainPairs(selector string) map[string]string {
	labels := map[string]string{}
	for term := range strings.SplitSeq(selector, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(term), "=")
		if _, twice := labels[k]; !ok || twice || k == "" || strings.ContainsAny(k, "! ()") || strings.ContainsAny(v, "= ()") {
			return nil
		}
		labels[k] = v
	}
	return labels
}
