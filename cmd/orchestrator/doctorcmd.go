package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"orchestrator/cmd/orchestrator/internal/config"
	"orchestrator/internal/doctor"
	"orchestrator/internal/redisx"
)

// doctorKeys are the keys of `serve` that say where a fleet is and what it is meant to be.
var doctorKeys = []string{"seeds", "redisUsername", "redisPasswordFile", "redisCAFile", "redisCertFile", "redisKeyFile",
	"prefix", "partitions", "replicationFactor", "heartbeatTimeout"}

// examination is what doctor is told beside the configuration.
type examination struct {
	timeout  time.Duration
	sessions bool
	told     meter
}

func newDoctor(environ []string) *cobra.Command {
	ex, r := examination{}, remote{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine Redis and the fleet in it, without a running node",
		Long: `Examine Redis and the fleet in it, without a running node. It asks Redis alone, writes nothing, and needs no more rights than the fleet's
own user (deploy/redis/users.acl).

Each finding is a line: ok, warn or fail, what was looked at, what was found, and what to do about it. It looks at every server (does it
answer, version, eviction policy, memory, append-only file, replication, clock), at the cluster (masters, slots, replicas), at the fleet (settings,
nodes, the dead, the brake, live counts) and at each session: do its home and its copies lie on different masters, and is its owner registered.

The flags below, the environment and the file of --config are those of serve; other keys of serve are not looked at. The Redis password has no
flag: set ORCHESTRATOR_REDIS_PASSWORD or --redis-password-file.

The exit code is 0 where nothing failed, though there be warnings, 1 where something did, 2 where the command line is not understood.`,
		Example: `  orchestrator doctor --config /etc/orchestrator.yaml
  orchestrator doctor --seeds 10.0.0.5:6379 --sessions=false -o json`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(cmd.Flags(), environ)
		if err = errors.Join(err, r.check(), ex.check()); err != nil {
			return err
		}
		reach, err := cfg.Redis()
		if err != nil {
			return err
		}
		return failed(ex.run(cmd.Context(), cfg, reach, printer{cmd.OutOrStdout(), r.output}, cmd.ErrOrStderr()))
	}
	config.AddFlags(cmd.Flags(), doctorKeys...)
	f := cmd.Flags()
	f.DurationVar(&ex.timeout, "timeout", 30*time.Second, "how long all of it may take")
	f.BoolVar(&ex.sessions, "sessions", true, "also read where each session's records lie")
	r.form(cmd, "table", "json")
	ex.told.flags(cmd)
	return cmd
}

func (ex *examination) check() error {
	if ex.timeout <= 0 {
		return fmt.Errorf("timeout %q must be more than nothing", ex.timeout)
	}
	return nil
}

func (ex *examination) run(ctx context.Context, cfg config.Config, reach config.Redis, p printer, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, ex.timeout)
	defer cancel()
	stop := ex.told.start(stderr, func() string { return fmt.Sprintf("%d sessions looked at", ex.told.n.Load()) })
	report, err := doctor.Examine(ctx, doctor.Config{
		Redis: redisx.Options{Seeds: reach.Addrs, Username: reach.Username, Password: reach.Password, TLS: reach.TLS,
			Log: newLogger(stderr, "error", cfg.LogFormat)}, // what goes wrong is in the findings
		Prefix: cfg.Prefix, Partitions: cfg.Partitions, ReplicationFactor: cfg.ReplicationFactor, HeartbeatTimeout: cfg.HeartbeatTimeout,
		Sessions: ex.sessions, Progress: func(n int) { ex.told.n.Add(int64(n)) },
	})
	stop()
	if err != nil {
		return err
	}
	if err := p.findings(report); err != nil {
		return err
	}
	switch all := len(report.Findings); report.Fail {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 of %d findings is a failure", all)
	default:
		return fmt.Errorf("%d of %d findings are failures", report.Fail, all)
	}
}

// findings writes a line for each.
func (p printer) findings(r doctor.Report) error {
	if done, err := p.json(r); done {
		return err
	}
	for _, f := range r.Findings {
		line := fmt.Sprintf("%-4s  %-11s  %s", f.Status, f.Check, f.Found)
		if f.Do != "" {
			line += "; to do: " + f.Do
		}
		if _, err := fmt.Fprintln(p.w, plain(line)); err != nil {
			return err
		}
	}
	return nil
}
