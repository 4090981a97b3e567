package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"orchestrator/client"
	"orchestrator/internal/runner"
)

// runOptions say what to run beside which node.
type runOptions struct {
	config    runner.Config
	workspace string
	restart   string
	logLevel  string
	logFormat string
}

// parse takes over what the flags say as text, finds the command, and judges all values together.
func (o *runOptions) parse(command, environ []string) error {
	c := &o.config
	c.Workspace, c.Restart, c.Environ = runner.Workspace(o.workspace), runner.Restart(o.restart), environ
	var errs []error
	if len(command) > 0 {
		path, err := exec.LookPath(command[0])
		if err == nil {
			path, err = filepath.Abs(path) // the command has another working directory
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the command cannot be run: %w", err))
		}
		c.Path, c.Args = command[0], command[1:]
		if path != "" {
			c.Path = path
		}
	}
	errs = append(errs, c.Validate(), client.Config{Addrs: []string{c.API}}.Validate())
	if c.API != "" && !strings.Contains(c.API, "://") {
		c.API = "http://" + c.API // commands are given it, and not every library fills that in
	}
	if !slices.Contains(logLevels, o.logLevel) {
		errs = append(errs, fmt.Errorf("log-level %q must be debug, info, warn or error", o.logLevel))
	}
	if o.logFormat != "text" && o.logFormat != "json" {
		errs = append(errs, fmt.Errorf("log-format %q must be text or json", o.logFormat))
	}
	return errors.Join(errs...)
}

func newRun(environ []string, run func(context.Context, runOptions, io.Writer) error) *cobra.Command {
	o := runOptions{config: runner.Defaults()}
	cmd := &cobra.Command{
		Use:   "run --type TYPE [flags] -- COMMAND [ARGUMENT...]",
		Short: "Run a command for each session that a node owns",
		Long: `Run a command for each session that a node owns: agents, beside their node.

One process is started for each session of the types given that is not over. It is told which in its environment: ORCHESTRATOR_SESSION_ID,
ORCHESTRATOR_SESSION_NAME, ORCHESTRATOR_EPOCH, ORCHESTRATOR_WORKSPACE and ORCHESTRATOR_API. Messages of kind "input" are lines of
its standard input; lines of its output become messages of kind "output" and "error". Its end is kept in the session: the
status, and the exit code as label runner.exit. See docs/runner.md.

When the session moves, the node is lost or this process ends, the command and everything that it started end before another node
starts the same session. Linux alone has what that takes.

The first SIGINT or SIGTERM ends all commands politely, a second one at once. Exit codes: 0 all commands have ended after
a signal, 1 the node cannot be followed, 2 a flag or the command is wrong, 130 or 143 the second signal. Neither file nor
environment is read; the commands inherit the environment.`,
		Example: `  orchestrator run --type development --workspace create -- ./agent.sh
  orchestrator run --node http://127.0.0.1:8081 --type batch,nightly --restart never --max-children 8 -- python3 -u agent.py`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(args, environ); err != nil {
				return err
			}
			return failed(run(cmd.Context(), o, cmd.ErrOrStderr()))
		},
	}
	addRunFlags(cmd, &o)
	return cmd
}

func addRunFlags(cmd *cobra.Command, o *runOptions) {
	f, c := cmd.Flags(), &o.config
	f.SortFlags = false
	f.SetInterspersed(false) // what follows the command is its own
	f.StringSliceVar(&c.Types, "type", nil, "type of the sessions to run; may be repeated or hold several, parted by commas")
	f.StringVar(&c.API, "node", "http://127.0.0.1:8080", "address of the node on this machine, never a load balancer's")
	f.StringVar(&o.workspace, "workspace", string(c.Workspace), "working directory: existing (the session's workspace, which must be there), create or ignore")
	f.StringVar(&o.restart, "restart", string(c.Restart), "start a command again that has ended by itself: never, on-failure or always")
	f.IntVar(&c.MaxFailures, "max-failures", c.MaxFailures, "failures in a row after which a session is failed; 0: it is started again for ever")
	f.DurationVar(&c.FirstPause, "restart-pause", c.FirstPause, "pause before the second start; it doubles each time")
	f.DurationVar(&c.LongestPause, "longest-pause", c.LongestPause, "longest such pause; a command that ran as long has not failed in a row")
	f.DurationVar(&c.Grace, "grace", c.Grace, "from SIGTERM to SIGKILL where a session moves; the node's deadline may cut it short")
	f.DurationVar(&c.ShutdownGrace, "shutdown-grace", c.ShutdownGrace, "from SIGTERM to SIGKILL where this process ends")
	f.IntVar(&c.MaxChildren, "max-children", c.MaxChildren, "commands at a time, the other sessions wait; 0: as many as the node owns")
	f.DurationVar(&c.RecordEvery, "record-every", c.RecordEvery, "how often it is recorded at most which input a command has read")
	f.StringVar(&o.logLevel, "log-level", "info", "least severe line that is logged: debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "form of the log: text or json")
	for name, options := range map[string][]string{"workspace": {"existing", "create", "ignore"}, "restart": {"never", "on-failure", "always"}} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(options, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	}
}
