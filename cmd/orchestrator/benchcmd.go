package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"orchestrator/internal/bench"
)

// benchOptions say what load to make and how to tell of it.
type benchOptions struct {
	config   bench.Config
	mix      string
	output   string // table or json
	progress bool   // also where standard error is no terminal
}

// parse takes over what the flags say as text, and judges all values together.
func (o *benchOptions) parse(durationSet bool) error {
	var errs []error
	c := &o.config
	for i, u := range c.URLs {
		c.URLs[i] = strings.TrimRight(strings.TrimSpace(u), "/")
	}
	var err error
	if c.Load.Mix, err = bench.ParseMix(o.mix); err != nil {
		errs = append(errs, err)
		c.Load.Mix = bench.Only(bench.Create) // judged no further
	}
	if c.Load.Requests > 0 && !durationSet {
		c.Load.Duration = 0
	}
	errs = append(errs, c.Validate())
	if o.output != "table" && o.output != "json" {
		errs = append(errs, fmt.Errorf("output %q must be table or json", o.output))
	}
	return errors.Join(errs...)
}

func newBench(run func(context.Context, benchOptions, io.Writer, io.Writer) error) *cobra.Command {
	o := benchOptions{config: bench.Defaults()}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Put load on a running fleet and measure its answers",
		Long: `Put load on a running fleet and measure its answers.

It makes sessions in batches, sends a mix of requests from callers at once, and deletes the sessions that it made; each has
the label bench=<run>, by which leftovers can be found. Reads and changes go to the sessions made first, deletes to those
made since. Without --rate each caller sends when its last answer has come; with it, requests are due at their moments, and
the wait of one that is sent late counts as its own. Requests that are refused are counted by the problem's code and never
repeated. Neither file nor environment is read.

The first Ctrl-C ends the load early and reports, a second one ends at once. The exit code is 1 if any request failed.`,
		Example: `  orchestrator bench --url http://10.0.0.11:8080,http://10.0.0.12:8080 --sessions 10000 --duration 30s
  orchestrator bench --url http://lb:8080 --sessions 0 --mix batch=1 --batch 500 --requests 200 --encoding msgpack
  orchestrator bench --url http://lb:8080 --mix read=90,patch=10 --rate 2000 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.parse(cmd.Flags().Changed("duration")); err != nil {
				return err
			}
			return failed(run(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr()))
		},
	}
	addBenchFlags(cmd, &o)
	return cmd
}

func addBenchFlags(cmd *cobra.Command, o *benchOptions) {
	f, c := cmd.Flags(), &o.config
	f.SortFlags = false
	f.StringSliceVar(&c.URLs, "url", nil, "address of a node or a load balancer, asked in turn; may be repeated or hold several, parted by commas")
	f.IntVar(&c.Sessions, "sessions", c.Sessions, "sessions to make before the load, which it reads and changes")
	f.StringVar(&o.mix, "mix", c.Load.Mix.String(), "weights of create, read, eventual, patch, list, batch and delete")
	f.IntVar(&c.Concurrency, "concurrency", c.Concurrency, "callers at once")
	f.IntVar(&c.Batch, "batch", c.Batch, "sessions of one batch")
	f.DurationVar(&c.Load.Duration, "duration", c.Load.Duration, "how long the load lasts")
	f.IntVar(&c.Load.Requests, "requests", 0, "how many requests the load is, instead of a duration")
	f.Float64Var(&c.Load.Rate, "rate", 0, "requests a second; 0: as fast as answers come")
	f.IntVar(&c.Body, "body", c.Body, "bytes of each session's config as JSON; 0: none")
	f.StringVar((*string)(&c.Encoding), "encoding", string(c.Encoding), "of bodies, both ways: json or msgpack")
	f.StringVar((*string)(&c.Durability), "durability", string(c.Durability), "of the sessions that are made: acked or fast")
	f.BoolVar(&c.Keep, "keep", false, "leave the sessions that were made")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of the choice of operations and sessions")
	f.StringVarP(&o.output, "output", "o", "table", "form of the report: table or json")
	f.BoolVar(&o.progress, "progress", false, "tell each second how far it is, also where standard error is no terminal")
	_ = cmd.RegisterFlagCompletionFunc("encoding", cobra.FixedCompletions([]string{"json", "msgpack"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	_ = cmd.RegisterFlagCompletionFunc("durability", cobra.FixedCompletions([]string{"acked", "fast"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
}
