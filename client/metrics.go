package client

import (
	"context"
	"net/http"
	"time"
)

// ClusterMetrics sums up the fleet. The average is over all nodes, those not healthy included.
type ClusterMetrics struct {
	TotalNodes             int          `json:"totalNodes"`
	HealthyNodes           int          `json:"healthyNodes"`
	TotalSessions          int          `json:"totalSessions"`
	AverageSessionsPerNode float64      `json:"averageSessionsPerNode"`
	NodeDetails            []NodeDetail `json:"nodeDetails"`
}

// NodeDetail is one node of ClusterMetrics.
type NodeDetail struct {
	ID            string    `json:"id"`
	Status        NodeState `json:"status"`
	Sessions      int       `json:"sessions"`
	MemoryUsage   int64     `json:"memoryUsage"` // resident bytes
	LastHeartbeat time.Time `json:"lastHeartbeat,omitzero"`
	MaxSessions   int       `json:"maxSessions"`
	Weight        float64   `json:"weight"`
	Zone          string    `json:"zone"`
	Quarantine    string    `json:"quarantine,omitempty"`
}

// ClusterMetrics returns measured numbers of the fleet.
func (c *Client) ClusterMetrics(ctx context.Context) (ClusterMetrics, error) {
	var m ClusterMetrics
	_, err := c.call(ctx, &request{method: http.MethodGet, path: "/v1/cluster/metrics"}, &m)
	return m, err
}

// LocalMetrics is what one node measured of itself.
type LocalMetrics struct {
	Node       Node
	Uptime     time.Duration
	Goroutines int
	HeapBytes  uint64

	LocalSessions  int      // whose leases it renewed in its last round
	CachedSessions int      // that its cache holds
	CacheHitRate   *float64 // 0 to 1; nil before the first read
	CacheHits      uint64
	CacheMisses    uint64

	Trusted      bool          // its registration is young enough to act on
	LastBeatAge  time.Duration // since its last good beat
	RedisLatency time.Duration // of that beat

	LiveNodes    int
	RedisMasters int
	LastSync     SyncReport
}

// SyncReport is what a node's last sync round mended. All but Records and Took are zero in a healthy fleet.
type SyncReport struct {
	Records             int `json:"records"` // sessions compared
	CopiesRepaired      int `json:"copiesRepaired"`
	HomesRestored       int `json:"homesRestored"`
	CopiesMoved         int `json:"copiesMoved"`
	CountsCorrected     int `json:"countsCorrected"`
	IndexRepaired       int `json:"indexRepaired"`
	Expired             int `json:"expired"`
	Orphans             int `json:"orphans"`
	TombstonesCollected int `json:"tombstonesCollected"`
	Unreadable          int `json:"unreadable"`
	RolledBack          int `json:"rolledBack"`
	SharedMaster        int `json:"sharedMaster"`

	Took time.Duration `json:"-"`
}

// LocalMetrics returns what the node that answers measured of itself.
func (c *Client) LocalMetrics(ctx context.Context) (LocalMetrics, error) {
	var w struct {
		Node struct {
			Node

			UptimeSeconds float64
			Goroutines    int
			HeapBytes     uint64
		}
		Sessions struct {
			LocalSessions, CachedSessions int
			CacheHitRate                  *float64
		}
		Cache  struct{ Hits, Misses uint64 }
		Health struct {
			Trusted                       bool
			LastBeatAgeMs, RedisLatencyMs float64
		}
		Cluster struct {
			LiveNodes, RedisMasters int
			LastSync                struct {
				SyncReport

				TookMs float64
			}
		}
	}
	if _, err := c.call(ctx, &request{method: http.MethodGet, path: "/v1/local/metrics"}, &w); err != nil {
		return LocalMetrics{}, err
	}
	m := LocalMetrics{
		Node: w.Node.Node, Uptime: duration(w.Node.UptimeSeconds, time.Second), Goroutines: w.Node.Goroutines, HeapBytes: w.Node.HeapBytes,
		LocalSessions: w.Sessions.LocalSessions, CachedSessions: w.Sessions.CachedSessions, CacheHitRate: w.Sessions.CacheHitRate,
		CacheHits: w.Cache.Hits, CacheMisses: w.Cache.Misses,
		Trusted: w.Health.Trusted, LastBeatAge: duration(w.Health.LastBeatAgeMs, time.Millisecond),
		RedisLatency: duration(w.Health.RedisLatencyMs, time.Millisecond),
		LiveNodes:    w.Cluster.LiveNodes, RedisMasters: w.Cluster.RedisMasters, LastSync: w.Cluster.LastSync.SyncReport,
	}
	m.LastSync.Took = duration(w.Cluster.LastSync.TookMs, time.Millisecond)
	return m, nil
}

func duration(n float64, unit time.Duration) time.Duration { return time.Duration(n * float64(unit)) }

// Index is what a node says of itself at "/".
type Index struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Routes  []string `json:"routes"` // "GET /v1/sessions/{id}"
}

// Index returns the version of the node that answers, and every route that it serves.
func (c *Client) Index(ctx context.Context) (Index, error) {
	var i Index
	_, err := c.call(ctx, &request{method: http.MethodGet, path: "/"}, &i)
	return i, err
}
