package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"orchestrator/bench/peers/peer"
	"orchestrator/bench/peers/report"
	"orchestrator/bench/peers/server"
)

// compare runs every variant asked for once in each round, so that what changes on the machine meets all of them. A variant that
// fails does not keep the others from running.
func compare(ctx context.Context, o options, progress io.Writer) (report.Report, error) {
	variants := chosen(o.peers)
	r := report.Report{
		Versions: report.Versions(), Machine: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0),
		Callers: o.callers, Owners: len(owners), BodyBytes: o.body, LeaseSeconds: o.lease.Seconds(),
	}
	if err := ready(ctx, o, variants); err != nil {
		return r, err
	}
	cost, err := fsyncCost(o.dir)
	if err != nil {
		return r, fmt.Errorf("-dir %s: %w", o.dir, err)
	}
	r.FsyncMicros = micros(cost)
	var failed error
	for round := 1; round <= o.rounds; round++ {
		for _, v := range variants {
			if ctx.Err() != nil {
				return r, errors.Join(failed, context.Cause(ctx))
			}
			fmt.Fprintf(progress, "round %d of %d: %s %s\n", round, o.rounds, v.Peer, v.Name)
			rows, version, err := attempt(ctx, o, v, round)
			r.Rows = append(r.Rows, rows...)
			if version != "" {
				r.Versions["redis-server"] = version
			}
			if err != nil && ctx.Err() == nil {
				failed = errors.Join(failed, fmt.Errorf("round %d, %s %s: %w", round, v.Peer, v.Name, err))
			}
		}
	}
	return r, errors.Join(failed, context.Cause(ctx))
}

// chosen are the variants of the peers asked for.
func chosen(peers []string) []peer.Variant {
	var variants []peer.Variant
	for _, v := range peer.Variants {
		if slices.Contains(peers, v.Peer) {
			variants = append(variants, v)
		}
	}
	return variants
}

// ready says before anything is measured that a server is missing.
func ready(ctx context.Context, o options, variants []peer.Variant) error {
	if !slices.ContainsFunc(variants, func(v peer.Variant) bool { return v.Server == peer.Redis }) {
		return nil
	}
	return server.RedisReady(ctx, o.redis)
}
