package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"orchestrator/client"
	"orchestrator/internal/session"
	"orchestrator/internal/transfer"
)

func newSessionsExport(environ []string) *cobra.Command {
	r, sel, told := remote{environ: environ}, selection{}, meter{}
	token, page := "", 0
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write sessions as lines of JSON to standard output",
		Long: `Write sessions to standard output, each as a line of JSON in the API's own form. Messages and contexts are not in it: move takes them along.

An export that is cut off says with which --resume-from it goes on: after the pages that were written whole. Lines that come twice
by that are imported once.`,
		Example: `  orchestrator sessions export -l tier=gold > gold.ndjson`,
		Args:    cobra.NoArgs,
	}
	cmd.RunE = r.asking(func() error {
		if page < 1 || page > session.MaxPage {
			return fmt.Errorf("page \"%d\" must be a whole number from 1 to %d", page, session.MaxPage)
		}
		return sel.check()
	}, func(ctx context.Context, c *client.Client, p printer, _ []string) error {
		s := sel.selected()
		s.PageToken, s.Limit = token, page
		stop := told.start(cmd.ErrOrStderr(), func() string { return fmt.Sprintf("%d sessions written", told.n.Load()) })
		defer stop()
		return transfer.Export(ctx, c, s, p.w, func(n int) { told.n.Store(int64(n)) })
	})
	r.flags(cmd)
	sel.flags(cmd)
	sel.order(cmd)
	cmd.Flags().StringVar(&token, "resume-from", "", "where an earlier export was cut off, as it said")
	cmd.Flags().IntVar(&page, "page", 500, "sessions asked for at once")
	told.flags(cmd)
	return cmd
}

func newSessionsImport(environ []string) *cobra.Command {
	r, i, told := remote{environ: environ}, transfer.Import{}, meter{}
	rejects := ""
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make sessions of lines of JSON from standard input",
		Long: `Make sessions of standard input, which has one JSON object a line: what export writes, or fewer of its fields. Each needs id, type,
name and workspace; config, labels, status, durability and expiresAt are taken too.

Not carried over are owner, epoch, version, copies, createdAt, updatedAt and ownedAt: the fleet gives its own. A session gets a new id,
and the one that it had as the label imported-from. Of expiresAt the time that is left is carried over; what has expired is left out.

By that id a session is recognised when it is imported again, while it lives: nothing is made twice, and an import that was cut off
is run again from the beginning. A session that is there already is left as it is. Processes of this fleet may run a session as soon as it is
made: where the former fleet runs it still, use move.

A line that is refused is told with its number, and the others go on. A field that no session has refuses its line.`,
		Example: `  orchestrator sessions import --dry-run < gold.ndjson
  orchestrator sessions import --rejects rejected.txt < gold.ndjson`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = r.asking(func() error { return atLeast("concurrency", i.Concurrency, 1) },
		func(ctx context.Context, c *client.Client, p printer, _ []string) (err error) {
			refusals := cmd.ErrOrStderr()
			if rejects != "" {
				f, failure := os.Create(rejects)
				if failure != nil {
					return failure
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				refusals = f
			}
			return runImport(ctx, c, i, importing{cmd.InOrStdin(), p, refusals, cmd.ErrOrStderr(), &told})
		})
	r.flags(cmd, "table", "json")
	f := cmd.Flags()
	f.BoolVar(&i.DryRun, "dry-run", false, "make nothing: judge each line, and look which are there already; whether there is room is not asked")
	f.BoolVar(&i.IgnoreUnknown, "ignore-unknown", false, "drop fields that no session has, and count them")
	f.StringVar(&rejects, "rejects", "", "file for the lines refused (default: standard error)")
	f.IntVar(&i.Concurrency, "concurrency", 16, "sessions under way at once")
	told.flags(cmd)
	return cmd
}

// importing is where an import reads from and writes to.
type importing struct {
	in              io.Reader
	out             printer
	rejects, stderr io.Writer
	told            *meter
}

func runImport(ctx context.Context, c *client.Client, i transfer.Import, w importing) error {
	i.To = c
	var lost error // of the file for rejected lines
	i.Reject = func(line int, id, reason string) {
		if id != "" {
			id = " (" + plain(id) + ")"
		}
		_, err := fmt.Fprintf(w.rejects, "line %d%s: %s\n", line, id, plain(reason))
		lost = errors.Join(lost, err)
	}
	stop := func() {}
	got, err := i.Run(ctx, w.in, func(sofar func() transfer.Counts) {
		stop = w.told.start(w.stderr, func() string { return summary(sofar(), i.DryRun) })
	})
	stop()
	if done, printed := w.out.json(got); done {
		err = errors.Join(err, printed)
	} else if _, printed := fmt.Fprintln(w.out.w, summary(got, i.DryRun)); printed != nil {
		err = errors.Join(err, printed)
	}
	if got.Rejected > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d lines were refused", got.Rejected, got.Lines))
	}
	return errors.Join(err, lost)
}

func summary(c transfer.Counts, dryRun bool) string {
	verb := "made"
	if dryRun {
		verb = "would be made"
	}
	text := fmt.Sprintf("%d lines: %d %s, %d there already, %d expired, %d refused", c.Lines, c.Created, verb, c.Already, c.Expired, c.Rejected)
	if c.Dropped > 0 {
		text += fmt.Sprintf("; %d fields dropped", c.Dropped)
	}
	return text
}

func newSessionsMove() *cobra.Command {
	sel, m, told := selection{}, transfer.Move{}, meter{}
	var from, to []string
	cmd := &cobra.Command{
		Use:   "move",
		Short: "Move sessions to another fleet, so that one of the two has each at every moment",
		Long: `Move sessions from one fleet to another, with their contexts and the messages that are kept, which get new ids there. What else is not
carried over is what import does not.

Each is marked at the source (label moving-to), copied to the target where it is held (label moving-from), compared, deleted at the source if it and
what lies beside it are still as they were copied, and after --settle released at the target. Processes of the target must not run a session
while it has the label moving-from. Run the same again after anything that went wrong: it finishes what was begun, under the same --from-name, and
makes nothing twice. Two moves of the same sessions are not to be run at once.`,
		Example: `  orchestrator sessions move --from http://10.0.0.9:8080 --to http://10.0.1.11:8080 -l tier=gold`,
		Args:    cobra.NoArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if m.FromName == "" {
			m.FromName = first(from)
		}
		m.ToName = first(to)
		errs := []error{sel.check(), atLeast("concurrency", m.Concurrency, 1), fleetName("from-name", m.FromName), fleetName("to", m.ToName)}
		if m.Settle < 0 {
			errs = append(errs, fmt.Errorf("settle %q must not be negative", m.Settle))
		}
		var err error
		if m.From, err = connect(strings.Join(from, ",")); err != nil {
			errs = append(errs, fmt.Errorf("from: %w", err))
		} else {
			defer m.From.Close()
		}
		if m.To, err = connect(strings.Join(to, ",")); err != nil {
			errs = append(errs, fmt.Errorf("to: %w", err))
		} else {
			defer m.To.Close()
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		m.Selection = sel.selected()
		return failed(runMove(cmd.Context(), m, cmd.OutOrStdout(), cmd.ErrOrStderr(), &told))
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&from, "from", nil, "address of the source, as --url elsewhere")
	f.StringSliceVar(&to, "to", nil, "address of the target")
	f.StringVar(&m.FromName, "from-name", "", "name of the source in labels, the same in each run (default: the first --from)")
	sel.flags(cmd)
	f.DurationVar(&m.Settle, "settle", 10*time.Second, "how long those who ran a session at the source have to stop, before it may be run at the target")
	f.IntVar(&m.Concurrency, "concurrency", 8, "sessions under way at once")
	f.BoolVar(&m.DryRun, "dry-run", false, "only say which would be moved")
	told.flags(cmd)
	return cmd
}

func first(urls []string) string {
	if all := addresses(strings.Join(urls, ",")); len(all) > 0 {
		return all[0]
	}
	return ""
}

// fleetName checks what is to be a label's value.
func fleetName(flag, s string) error {
	if s == "" || utf8.RuneCountInString(s) > session.MaxLabelValue || !utf8.ValidString(s) || plain(s) != s {
		return fmt.Errorf("%s %q must have 1 to %d characters, none of them a control character", flag, s, session.MaxLabelValue)
	}
	return nil
}

// runMove moves, and writes the former and the new id of each session as it is moved.
func runMove(ctx context.Context, m transfer.Move, stdout, stderr io.Writer, told *meter) error {
	var lost error
	m.Tell = func(from, to string, err error) {
		told.n.Add(1)
		if err != nil {
			_, err = fmt.Fprintf(stderr, "%s: not moved: %s\n", from, plain(err.Error()))
		} else {
			_, err = fmt.Fprintln(stdout, strings.TrimSpace(from+" "+to))
		}
		lost = errors.Join(lost, err)
	}
	stop := told.start(stderr, func() string { return fmt.Sprintf("%d sessions", told.n.Load()) })
	got, err := m.Run(ctx)
	stop()
	if got.Failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d sessions were not moved, %d were", got.Failed, got.Moved))
	}
	return errors.Join(err, lost)
}
