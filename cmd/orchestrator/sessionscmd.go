package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"orchestrator/client"
)

func newSessions(environ []string) *cobra.Command {
	return group("sessions", "Ask a fleet for its sessions, and change them",
		newSessionsList(environ), newSessionsGet(environ), newSessionsCreate(environ), newSessionsPatch(environ), newSessionsDelete(environ),
		newSessionsMigrate(environ), newSessionsExplain(environ),
		newSessionsExport(environ), newSessionsImport(environ), newSessionsMove())
}

func newSessionsList(environ []string) *cobra.Command {
	r, sel, limit := remote{environ: environ}, selection{}, 0
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sessions",
		Example: `  orchestrator sessions list -l tier=gold --status active,idle
  orchestrator sessions list --limit 10 -o name`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = r.asking(func() error { return errors.Join(sel.check(), atLeast("limit", limit, 0)) },
		func(ctx context.Context, c *client.Client, p printer, _ []string) error {
			all, err := listed(ctx, c, sel.selected(), limit)
			if err != nil {
				return err
			}
			return p.sessions(all)
		})
	r.flags(cmd, "table", "json", "name")
	sel.flags(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "how many at most; 0: all")
	sel.order(cmd)
	return cmd
}

// listed returns the sessions selected, at most so many where limit is not 0.
func listed(ctx context.Context, c *client.Client, sel client.Selection, limit int) ([]client.Session, error) {
	all := []client.Session{}
	if sel.Limit = 500; limit > 0 {
		sel.Limit = min(limit, sel.Limit)
	}
	for s, err := range c.AllSessions(ctx, sel) {
		if err != nil {
			return nil, err
		}
		if all = append(all, s); len(all) == limit {
			break
		}
	}
	return all, nil
}

func atLeast(name string, n, least int) error {
	if n < least {
		return fmt.Errorf("%s \"%d\" must be a whole number of %d or more", name, n, least)
	}
	return nil
}

func newSessionsGet(environ []string) *cobra.Command {
	r, eventual := remote{environ: environ}, false
	cmd := &cobra.Command{
		Use: "get ID...", Short: "Show sessions", Args: cobra.MinimumNArgs(1), ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		how := client.Linearizable
		if eventual {
			how = client.Eventual
		}
		return each(ids, func(id string) error {
			s, err := c.GetSession(ctx, id, how)
			if err != nil {
				return err
			}
			return p.session(s)
		})
	})
	r.flags(cmd, "table", "json", "name")
	cmd.Flags().BoolVar(&eventual, "eventual", false, "read what is cheap and may lag behind")
	return cmd
}

// fields are what a command may say of a session.
type fields struct {
	kind, name, workspace, status, config, ttl string
	labels                                     map[string]string
}

func (f *fields) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.kind, "type", "", "type, such as development")
	fs.StringVar(&f.name, "name", "", "name")
	fs.StringVar(&f.workspace, "workspace", "", "workspace, such as a directory")
	fs.StringVar(&f.status, "status", "", "status: "+alternatives(statusNames()))
	fs.StringToStringVar(&f.labels, "label", nil, "label as key=value; may be repeated")
	fs.StringVar(&f.config, "config", "", "config: a JSON object, or @file, or @- for standard input")
	fs.StringVar(&f.ttl, "ttl", "", "time to live from now on, such as 8h")
	complete(cmd, "status", statusNames()...)
}

// notEmpty refuses flags that are given and say nothing: they would be taken for not given, where that makes a difference.
func notEmpty(cmd *cobra.Command, names ...string) error {
	var errs []error
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			errs = append(errs, fmt.Errorf("%s \"\" must not be empty", name))
		}
	}
	return errors.Join(errs...)
}

// parse reads what the flags say as text.
func (f *fields) parse(cmd *cobra.Command) (config map[string]any, ttl time.Duration, err error) {
	var errs []error
	if f.config != "" {
		raw, err := content(f.config, cmd.InOrStdin())
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err == nil {
			if err = d.Decode(&config); err == nil && (config == nil || d.More()) {
				err = errors.New("must be one JSON object")
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("config: %w", err))
		}
	}
	switch d, err := time.ParseDuration(f.ttl); {
	case f.ttl == "":
	case err != nil:
		errs = append(errs, fmt.Errorf("ttl %q must be a duration such as 8h or 30m", f.ttl))
	default:
		ttl = d
	}
	return config, ttl, errors.Join(errs...)
}

func newSessionsCreate(environ []string) *cobra.Command {
	r, f, d, dryRun := remote{environ: environ}, fields{}, client.Draft{}, false
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a session",
		Long: `Make a session. --type, --name and --workspace are required.

With --idempotency-key a repeat of the same command makes no second session for 24 hours.`,
		Example: `  orchestrator sessions create --type development --name fix-login --workspace /srv/fix-login --label tier=gold --ttl 8h
  orchestrator sessions create --type development --name a --workspace /srv/a --config @config.json -o name`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = r.asking(func() (err error) {
		d.Config, d.TTL, err = f.parse(cmd)
		d.Type, d.Name, d.Workspace, d.Labels, d.Status = f.kind, f.name, f.workspace, f.labels, client.Status(f.status)
		return errors.Join(err, notEmpty(cmd, "idempotency-key"))
	}, func(ctx context.Context, c *client.Client, p printer, _ []string) error {
		if dryRun {
			would, err := c.DryRunSession(ctx, d)
			if err != nil {
				return err
			}
			return p.dryRun(would)
		}
		s, err := c.CreateSession(ctx, d)
		if err != nil {
			return err
		}
		return p.session(s)
	})
	r.flags(cmd, "table", "json", "name")
	f.flags(cmd)
	cmd.Flags().StringVar(&d.Placement.Node, "node", "", "node to run it rather than another")
	cmd.Flags().StringVar(&d.Placement.Zone, "zone", "", "zone to run it rather than another")
	cmd.Flags().StringVar((*string)(&d.Durability), "durability", "", "when its changes are answered, for its life: acked, after all its records have them, or fast, after the first copy has")
	cmd.Flags().StringVar(&d.IdempotencyKey, "idempotency-key", "", "under which a repeat makes no second session")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be made, and where")
	return cmd
}

func newSessionsPatch(environ []string) *cobra.Command {
	r, f, p, cond := remote{environ: environ}, fields{}, client.Patch{}, client.Condition{}
	cmd := &cobra.Command{
		Use:   "patch ID",
		Short: "Change a session",
		Long: `Change a session. What no flag names stays as it is; config is merged member by member, a null removes one (RFC 7396).

With --ttl never, or 0, it does not expire any more.`,
		Example:           `  orchestrator sessions patch 01890a5d-ac96-774b-bcce-b302099a8057 --status idle --label tier=gold --remove-label old`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(func() (err error) {
		if f.ttl == "never" {
			f.ttl = "0s"
		}
		if p.Config, p.TTL, err = f.parse(cmd); p.TTL == 0 && cmd.Flags().Changed("ttl") {
			p.TTL = client.Never
		}
		p.Type, p.Name, p.Workspace, p.Labels, p.Status = f.kind, f.name, f.workspace, f.labels, client.Status(f.status)
		return errors.Join(err, notEmpty(cmd, "type", "name", "workspace", "status", "config", "ttl", "if-match"))
	}, func(ctx context.Context, c *client.Client, out printer, ids []string) error {
		s, err := c.PatchSession(ctx, ids[0], p, cond)
		if err != nil {
			return err
		}
		return out.session(s)
	})
	r.flags(cmd, "table", "json", "name")
	f.flags(cmd)
	cmd.Flags().StringSliceVar(&p.RemoveLabels, "remove-label", nil, "key of a label to remove; may be repeated")
	cmd.Flags().StringVar(&cond.IfMatch, "if-match", "", "ETag of the state to change; any other is refused")
	return cmd
}

func newSessionsDelete(environ []string) *cobra.Command {
	r := remote{environ: environ}
	cmd := &cobra.Command{
		Use: "delete ID...", Short: "End sessions, whoever owns them", Args: cobra.MinimumNArgs(1), ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		return each(ids, func(id string) error {
			if err := c.DeleteSession(ctx, id, client.Condition{}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(p.w, id)
			return err
		})
	})
	r.flags(cmd)
	return cmd
}

func newSessionsMigrate(environ []string) *cobra.Command {
	r, node := remote{environ: environ}, ""
	cmd := &cobra.Command{
		Use: "migrate ID", Short: "Give a session to another node of the fleet", Args: cobra.ExactArgs(1), ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		s, err := c.MigrateSession(ctx, ids[0], node)
		if err != nil {
			return err
		}
		return p.session(s)
	})
	r.flags(cmd, "table", "json", "name")
	cmd.Flags().StringVar(&node, "node", "", "the node to give it to (default: the best one)")
	return cmd
}

func newSessionsExplain(environ []string) *cobra.Command {
	r := remote{environ: environ}
	cmd := &cobra.Command{
		Use: "explain ID", Short: "Say where a session lies, who has it, and why", Args: cobra.ExactArgs(1), ValidArgsFunction: noFiles,
	}
	cmd.RunE = r.asking(nil, func(ctx context.Context, c *client.Client, p printer, ids []string) error {
		e, err := c.ExplainSession(ctx, ids[0])
		if err != nil {
			return err
		}
		return p.explanation(e)
	})
	r.flags(cmd, "table", "json")
	return cmd
}
