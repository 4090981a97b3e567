package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestClusterMetrics(t *testing.T) {
	t.Parallel()
	dead := session.Node{Holder: session.Holder{Node: "node-3"}, State: session.Dead, Sessions: 9, Quarantine: "2 of 2 peers: it does not answer"}
	h := handlerOf(t, config(&fake{cluster: func(context.Context) (session.ClusterMetrics, error) {
		return session.ClusterMetrics{Nodes: []session.Node{sampleNode(), dead}}, nil
	}}))
	require.JSONEq(t, `{"totalNodes":2,"healthyNodes":1,"totalSessions":51,"averageSessionsPerNode":25.5,"nodeDetails":[
		{"id":"node-2","status":"ready","sessions":42,"memoryUsage":1048576,"lastHeartbeat":"2026-03-04T05:07:07.000Z","maxSessions":1000,"weight":1.5,"zone":"z1"},
		{"id":"node-3","status":"dead","sessions":9,"memoryUsage":0,"maxSessions":0,"weight":0,"zone":"",
		"quarantine":"2 of 2 peers: it does not answer"}]}`,
		call(t, h, "GET /v1/cluster/metrics", "").body)
}

func TestClusterMetricsOfNoNodes(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{cluster: func(context.Context) (session.ClusterMetrics, error) { return session.ClusterMetrics{}, nil }}))
	require.JSONEq(t, `{"totalNodes":0,"healthyNodes":0,"totalSessions":0,"averageSessionsPerNode":0,"nodeDetails":[]}`,
		call(t, h, "GET /v1/cluster/metrics", "").body)

	h = handlerOf(t, config(&fake{cluster: func(context.Context) (session.ClusterMetrics, error) {
		return session.ClusterMetrics{}, &session.UnavailableError{Reason: "redis does not answer"}
	}}))
	call(t, h, "GET /v1/cluster/metrics", "").problem(http.StatusServiceUnavailable, "store-unavailable")
}

func TestLocalMetrics(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{local: func(context.Context) session.LocalMetrics {
		return session.LocalMetrics{
			Node: sampleNode(), Uptime: 90 * time.Second, LocalSessions: 41, CachedSessions: 7, CacheHits: 3, CacheMisses: 1,
			Goroutines: 12, HeapBytes: 4096, LastBeatAge: 250 * time.Millisecond, Trusted: true, RedisLatency: 1500 * time.Microsecond,
			RedisMasters: 3, LiveNodes: 2,
			LastSync: session.SyncReport{Records: 1, CopiesRepaired: 2, HomesRestored: 3, CopiesMoved: 4, CountsCorrected: 5, IndexRepaired: 6,
				Expired: 7, Orphans: 8, TombstonesCollected: 9, Unreadable: 10, RolledBack: 13, SharedMaster: 11, Took: 12 * time.Millisecond},
		}
	}}))
	v := call(t, h, "GET /v1/local/metrics", "").ok(http.StatusOK)
	node := v["node"].(map[string]any)
	require.Equal(t, "node-2", node["id"])
	require.EqualValues(t, 90, node["uptimeSeconds"])
	require.EqualValues(t, 12, node["goroutines"])
	require.EqualValues(t, 4096, node["heapBytes"])
	require.Equal(t, map[string]any{"localSessions": 41., "cachedSessions": 7., "cacheHitRate": .75}, v["sessions"])
	require.Equal(t, map[string]any{"entries": 7., "hits": 3., "misses": 1.}, v["cache"])
	require.Equal(t, map[string]any{"trusted": true, "lastBeatAgeMs": 250., "redisLatencyMs": 1.5}, v["health"])
	require.Equal(t, map[string]any{"liveNodes": 2., "redisMasters": 3., "lastSync": map[string]any{
		"records": 1., "copiesRepaired": 2., "homesRestored": 3., "copiesMoved": 4., "countsCorrected": 5., "indexRepaired": 6.,
		"expired": 7., "orphans": 8., "tombstonesCollected": 9., "unreadable": 10., "rolledBack": 13., "sharedMaster": 11., "tookMs": 12.}}, v["cluster"])
}

// A rate that nothing was measured of is null, not zero.
func TestLocalMetricsBeforeTheFirstRead(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{local: func(context.Context) session.LocalMetrics { return session.LocalMetrics{Node: bareNode} }}))
	v := call(t, h, "GET /v1/local/metrics", "").ok(http.StatusOK)
	require.Equal(t, map[string]any{"localSessions": 0., "cachedSessions": 0., "cacheHitRate": nil}, v["sessions"])
}
