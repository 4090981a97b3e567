package main

import (
	"context"
	"time"

	"orchestrator/bench/peers/load"
	"orchestrator/bench/peers/report"
)

// meter is what had been used when an operation began, or ended.
type meter struct {
	server, client       time.Duration
	serverErr, clientErr error
	renewed, failed      int
}

func (t *trial) meter(ctx context.Context) (m meter) {
	m.server, m.serverErr = t.server.CPU(ctx)
	m.client, m.clientErr = ownCPU()
	if t.keeper != nil {
		m.renewed, m.failed = t.keeper.Counts()
	}
	return m
}

// operation measures one operation, adds its row, and returns the indices that succeeded. Its error is that of ctx alone: errors of
// calls are counted in the row.
func (t *trial) operation(ctx context.Context, name string, n int, op func(context.Context, int) error) ([]int, error) {
	before := t.meter(ctx)
	r := load.Run(ctx, load.Plan{Callers: t.options.callers, Operations: n, Duration: t.options.duration}, op)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	after := t.meter(ctx)
	row := report.Row{
		Round: t.round, Peer: t.variant.Peer, Variant: t.variant.Name, Operation: name, Durability: t.variant.Durability,
		Operations: len(r.Done), Errors: r.Errors, Seconds: r.Elapsed.Seconds(), PerSecond: r.PerSecond(),
		P50Micros: micros(r.Percentile(50)), P99Micros: micros(r.Percentile(99)),
		Renewals: after.renewed - before.renewed, RenewalErrors: after.failed - before.failed,
	}
	if r.FirstError != nil {
		row.FirstError = r.FirstError.Error()
	}
	if after.serverErr == nil && before.serverErr == nil {
		row.ServerCPUMicros = each(after.server-before.server, len(r.Done))
	}
	if after.clientErr == nil && before.clientErr == nil {
		row.ClientCPUMicros = each(after.client-before.client, len(r.Done))
	}
	t.rows = append(t.rows, row)
	return r.Done, nil
}

// each is a share of d in microseconds, if there was anything to share it.
func each(d time.Duration, n int) *float64 {
	if n == 0 {
		return nil
	}
	v := micros(d) / float64(n)
	return &v
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
