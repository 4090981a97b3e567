package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// maxDevNodes bounds a fleet in one process: enough to see it balance, few enough for a laptop.
const maxDevNodes = 16

// devOptions say what fleet to run in this process.
type devOptions struct {
	nodes    int    // 1 to maxDevNodes
	port     int    // of the first node, the others count up from it; 0: any free ports
	logLevel string // debug, info, warn or error
}

func (o devOptions) validate() error {
	var errs []error
	if o.nodes < 1 || o.nodes > maxDevNodes {
		errs = append(errs, fmt.Errorf("nodes \"%d\" (from --nodes) must be a whole number from 1 to %d", o.nodes, maxDevNodes))
	}
	if highest := 65535 - max(o.nodes, 1) + 1; o.port < 0 || o.port > highest {
		errs = append(errs, fmt.Errorf("port \"%d\" (from --port) must be a whole number from 0 to %d, so that each of %d nodes has one", o.port, highest, o.nodes))
	}
	if !slices.Contains(logLevels, o.logLevel) {
		errs = append(errs, fmt.Errorf("logLevel %q (from --log-level) must be debug, info, warn or error", o.logLevel))
	}
	return errors.Join(errs...)
}

func newDev(dev func(context.Context, devOptions, io.Writer, io.Writer) error) *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole fleet and an embedded Redis in this process, to try it out",
		Long: `Run a whole fleet and an embedded Redis in this process, to try it out.

Nothing survives the end of the process. Neither file nor environment is read.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return failed(dev(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().IntVar(&o.nodes, "nodes", 3, fmt.Sprintf("how many nodes, 1 to %d", maxDevNodes))
	cmd.Flags().IntVar(&o.port, "port", 8080, "port of the first node, the others count up from it; 0 for any free ones")
	cmd.Flags().StringVar(&o.logLevel, "log-level", "warn", "least severe line that is logged: debug, info, warn or error")
	return cmd
}
