package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"orchestrator/cmd/orchestrator/internal/config"
)

// commands are what the long-running commands do once their words are understood.
type commands struct {
	serve func(ctx context.Context, cfg config.Config, stderr io.Writer) error
	dev   func(ctx context.Context, o devOptions, stdout, stderr io.Writer) error
	bench func(ctx context.Context, o benchOptions, stdout, stderr io.Writer) error
	run   func(ctx context.Context, o runOptions, stderr io.Writer) error
}

func newRoot(environ []string, do commands) *cobra.Command {
	root := &cobra.Command{
		Use:           "orchestrator",
		Short:         "Places agent sessions on a fleet of nodes whose only state is Redis",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return fmt.Errorf("%s: %w", cmd.CommandPath(), err) })
	root.AddCommand(newServe(environ, do.serve), newDev(do.dev), newRun(environ, do.run), newBench(do.bench), newVersion(),
		newSessions(environ), newNodes(environ), newCluster(environ), newDoctor(environ))
	return root
}

func newServe(environ []string, serve func(context.Context, config.Config, io.Writer) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run one node of a fleet",
		Long: `Run one node of a fleet.

Every flag may also be a key of the file that --config names (max-sessions is maxSessions there) or a variable of the
environment (ORCHESTRATOR_MAX_SESSIONS). Flags win over the environment, the environment over the file, the file over the
preset. The Redis password has no flag: set ORCHESTRATOR_REDIS_PASSWORD or --redis-password-file.

SIGINT or SIGTERM ends the node gracefully, a second one at once.`,
		Example: `  orchestrator serve --seeds 10.0.0.5:6379 --listen 0.0.0.0 --advertised-host 10.0.0.7
  orchestrator serve --config /etc/orchestrator.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			return failed(serve(cmd.Context(), cfg, cmd.ErrOrStderr()))
		},
	}
	config.AddFlags(cmd.Flags())
	for _, k := range config.Keys() {
		if len(k.Options) > 0 {
			_ = cmd.RegisterFlagCompletionFunc(k.Flag(), cobra.FixedCompletions(k.Options, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
		}
	}
	return cmd
}
