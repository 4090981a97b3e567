package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) clusterMetrics(c *gin.Context, _ query) error {
	m, err := a.cfg.Metrics.Cluster(c.Request.Context())
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, viewCluster(m))
}

func (a *api) localMetrics(c *gin.Context, _ query) error {
	return reply(c, http.StatusOK, viewLocal(a.cfg.Metrics.Local(c.Request.Context())))
}

// clusterView sums up the fleet. The average is over all nodes counted by totalNodes, those not healthy included.
type clusterView struct {
	TotalNodes             int              `json:"totalNodes"`
	HealthyNodes           int              `json:"healthyNodes"`
	TotalSessions          int              `json:"totalSessions"`
	AverageSessionsPerNode float64          `json:"averageSessionsPerNode"`
	NodeDetails            []nodeDetailView `json:"nodeDetails"`
}

type nodeDetailView struct {
	ID            session.NodeID    `json:"id"`
	Status        session.NodeState `json:"status"`
	Sessions      int               `json:"sessions"`
	MemoryUsage   int64             `json:"memoryUsage"` // bytes
	LastHeartbeat instant           `json:"lastHeartbeat,omitzero"`
	MaxSessions   int               `json:"maxSessions"`
	Weight        float64           `json:"weight"`
	Zone          string            `json:"zone"`
	Quarantine    string            `json:"quarantine,omitempty"`
}

func viewCluster(m session.ClusterMetrics) clusterView {
	nodes, healthy, sessions := m.Totals()
	view := clusterView{TotalNodes: nodes, HealthyNodes: healthy, TotalSessions: sessions, NodeDetails: make([]nodeDetailView, len(m.Nodes))}
	if nodes > 0 {
		view.AverageSessionsPerNode = float64(sessions) / float64(nodes)
	}
	for i, n := range m.Nodes {
		view.NodeDetails[i] = nodeDetailView{
			ID: n.Node, Status: n.State, Sessions: n.Sessions, MemoryUsage: n.MemoryUsage, LastHeartbeat: instant(n.HeartbeatAt),
			MaxSessions: n.MaxSessions, Weight: n.Weight, Zone: n.Zone, Quarantine: n.Quarantine,
		}
	}
	return view
}

// localView is what a node measured of itself. Times end in Ms (milliseconds) or Seconds, sizes in Bytes.
type localView struct {
	Node     localNodeView     `json:"node"`
	Sessions localSessionsView `json:"sessions"`
	Cache    cacheView         `json:"cache"`
	Health   healthView        `json:"health"`
	Cluster  localClusterView  `json:"cluster"`
}

type localNodeView struct {
	nodeView
	UptimeSeconds float64 `json:"uptimeSeconds"`
	Goroutines    int     `json:"goroutines"`
	HeapBytes     uint64  `json:"heapBytes"`
}

type localSessionsView struct {
	LocalSessions  int      `json:"localSessions"`
	CachedSessions int      `json:"cachedSessions"`
	CacheHitRate   *float64 `json:"cacheHitRate"` // 0 to 1; null before the first read
}

type cacheView struct {
	Entries int    `json:"entries"`
	Hits    uint64 `json:"hits"`
	Misses  uint64 `json:"misses"`
}

type healthView struct {
	Trusted        bool    `json:"trusted"` // the registration is young enough to act on
	LastBeatAgeMs  float64 `json:"lastBeatAgeMs"`
	RedisLatencyMs float64 `json:"redisLatencyMs"`
}

type localClusterView struct {
	LiveNodes    int      `json:"liveNodes"`
	RedisMasters int      `json:"redisMasters"`
	LastSync     syncView `json:"lastSync"`
}

// syncView is what the last finished sync round mended: all zero but records and tookMs in a healthy fleet.
type syncView struct {
	Records             int     `json:"records"`
	CopiesRepaired      int     `json:"copiesRepaired"`
	HomesRestored       int     `json:"homesRestored"`
	CopiesMoved         int     `json:"copiesMoved"`
	CountsCorrected     int     `json:"countsCorrected"`
	IndexRepaired       int     `json:"indexRepaired"`
	Expired             int     `json:"expired"`
	Orphans             int     `json:"orphans"`
	TombstonesCollected int     `json:"tombstonesCollected"`
	Unreadable          int     `json:"unreadable"`
	RolledBack          int     `json:"rolledBack"`
	SharedMaster        int     `json:"sharedMaster"`
	TookMs              float64 `json:"tookMs"`
}

func viewLocal(m session.LocalMetrics) localView {
	return localView{
		Node: localNodeView{
			nodeView: viewNode(m.Node), UptimeSeconds: m.Uptime.Seconds(), Goroutines: m.Goroutines, HeapBytes: m.HeapBytes,
		},
		Sessions: localSessionsView{m.LocalSessions, m.CachedSessions, hitRate(m.CacheHits, m.CacheMisses)},
		Cache:    cacheView{m.CachedSessions, m.CacheHits, m.CacheMisses},
		Health:   healthView{m.Trusted, milliseconds(m.LastBeatAge), milliseconds(m.RedisLatency)},
		Cluster:  localClusterView{m.LiveNodes, m.RedisMasters, viewSync(m.LastSync)},
	}
}

func viewSync(r session.SyncReport) syncView {
	return syncView{
		Records: r.Records, CopiesRepaired: r.CopiesRepaired, HomesRestored: r.HomesRestored, CopiesMoved: r.CopiesMoved,
		CountsCorrected: r.CountsCorrected, IndexRepaired: r.IndexRepaired, Expired: r.Expired, Orphans: r.Orphans,
		TombstonesCollected: r.TombstonesCollected, Unreadable: r.Unreadable, RolledBack: r.RolledBack, SharedMaster: r.SharedMaster, TookMs: milliseconds(r.Took),
	}
}

func hitRate(hits, misses uint64) *float64 {
	if hits+misses == 0 {
		return nil
	}
	rate := float64(hits) / float64(hits+misses)
	return &rate
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
