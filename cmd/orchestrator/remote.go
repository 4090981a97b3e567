package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"orchestrator/client"
	"orchestrator/cmd/orchestrator/internal/config"
)

// defaultURL is where the first node of `dev` listens.
const defaultURL = "http://127.0.0.1:8080"

const exitCodes = `
The exit code is 0 where all was done, 1 where something was not (the error names the problem's code and the request's id), 2 where the
command line is not understood.`

// remote is how a command reaches a fleet, and the form in which it prints what the fleet says.
type remote struct {
	environ []string
	urls    []string
	output  string
	forms   []string // that output may have
}

// flags adds what every command that asks a fleet has. The first form is the default one.
func (r *remote) flags(cmd *cobra.Command, forms ...string) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringSliceVar(&r.urls, "url", nil,
		"address of a node or a load balancer; may be repeated or hold several, parted by commas (default $"+config.URLVariable+", or "+defaultURL+")")
	r.form(cmd, forms...)
}

// form adds the form of what is printed. The first one is the default.
func (r *remote) form(cmd *cobra.Command, forms ...string) {
	if r.forms = forms; len(forms) > 0 {
		cmd.Flags().StringVarP(&r.output, "output", "o", forms[0], "form of what is printed: "+alternatives(forms))
		complete(cmd, "output", forms...)
	}
}

// alternatives names values to choose from: "table, json or name".
func alternatives(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// complete has the shell offer the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// check judges what the flags say.
func (r *remote) check() error {
	if len(r.forms) > 0 && !slices.Contains(r.forms, r.output) {
		return fmt.Errorf("output %q must be %s", r.output, alternatives(r.forms))
	}
	return nil
}

// connect returns a client of the fleet. It fails only where the addresses are none.
func (r *remote) connect() (*client.Client, error) {
	return connect(cmp.Or(strings.Join(r.urls, ","), variable(r.environ, config.URLVariable), defaultURL))
}

// connect returns a client of the fleet at some addresses, parted by commas.
func connect(urls string) (*client.Client, error) {
	c, err := client.New(client.Config{Addrs: addresses(urls)})
	if err != nil {
		return nil, fmt.Errorf("url: %s", strings.ReplaceAll(err.Error(), "client: ", ""))
	}
	return c, nil
}

func addresses(urls string) (all []string) {
	for u := range strings.SplitSeq(urls, ",") {
		if u = strings.TrimRight(strings.TrimSpace(u), "/"); u != "" {
			all = append(all, u)
		}
	}
	return all
}

func variable(environ []string, name string) string {
	for _, e := range slices.Backward(environ) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// asking returns what a command runs: judge looks at what it was told, ask asks the fleet.
func (r *remote) asking(judge func() error, ask func(ctx context.Context, c *client.Client, p printer, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := r.check()
		if judge != nil {
			err = errors.Join(err, judge())
		}
		c, unreachable := r.connect()
		if err = errors.Join(err, unreachable); err != nil {
			return err
		}
		defer c.Close()
		return failed(ask(cmd.Context(), c, printer{cmd.OutOrStdout(), r.output}, args))
	}
}

// each does something for every argument, whatever becomes of the others.
func each(args []string, do func(arg string) error) error {
	var errs []error
	for _, a := range args {
		errs = append(errs, do(a))
	}
	return errors.Join(errs...)
}

// group is a command that is only the name before others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.Long = short + ".\n" + exitCodes
	cmd.AddCommand(commands...)
	return cmd
}

// noFiles says that a command's arguments are no files.
func noFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// content is a flag's value, or what stands in the file that it names after an @.
func content(value string, stdin io.Reader) ([]byte, error) {
	name, isFile := strings.CutPrefix(value, "@")
	switch {
	case !isFile:
		return []byte(value), nil
	case name == "-":
		return io.ReadAll(io.LimitReader(stdin, maxContent))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxContent))
}

// maxContent is more than any body that the API takes.
const maxContent = 16 << 20
