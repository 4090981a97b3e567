package balancer

import (
	"fmt"
	"testing"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// BenchmarkReserve places sessions on a real server: what the one slot of the fleet's keys can bear.
func BenchmarkReserve(b *testing.B) {
	server := redistest.Single(b)
	client, err := redisx.Open(b.Context(), redisx.Options{Seeds: server.Addrs()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, strategy := range strategies {
		for _, nodes := range []int{3, groupLimit} {
			for _, batch := range []int{1, callLimit} {
				b.Run(fmt.Sprintf("%s/nodes=%d/batch=%d", strategy, nodes, batch), func(b *testing.B) {
					keys, err := keyspace.New(redistest.Prefix(b), 16)
					if err != nil {
						b.Fatal(err)
					}
					made, err := New(client, keys, Config{Strategy: strategy})
					if err != nil {
						b.Fatal(err)
					}
					benchmarkReserve(b, made, nodes, batch)
				})
			}
		}
	}
}

func benchmarkReserve(b *testing.B, made *Balancer, nodes, batch int) {
	candidates := make([]session.Node, nodes)
	for i := range candidates {
		n := named(fmt.Sprintf("n%03d", i), 1<<30)
		n.Weight, n.Incarnation = 1, "i"
		candidates[i] = n
		err := made.redis.Redis().HSet(b.Context(), made.keys.Node(n.Node), "incarnation", "i", "state", "ready", "maxSessions", n.MaxSessions, "weight", 1).Err()
		if err != nil {
			b.Fatal(err)
		}
	}
	placed := 0
	for b.Loop() {
		got, err := made.Reserve(b.Context(), Request{Attempts: attempts(batch), Candidates: candidates})
		if err != nil {
			b.Fatal(err)
		}
		placed += len(got)
	}
	b.ReportMetric(float64(placed)/b.Elapsed().Seconds(), "sessions/s")
}
