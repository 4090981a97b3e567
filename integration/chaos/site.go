package chaos

import (
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// site is where a fleet's Redis is. With proxies, each node reaches it by one of its own.
type site struct {
	redis   redistest.Redis
	proxies []*redistest.Proxy
}

// cluster is three masters with a replica each.
func cluster(t testing.TB) site { return site{redis: redistest.NewCluster(t)} }

// proxied is a cluster whose links can be troubled.
func proxied(t testing.TB) site { return site{redis: redistest.NewCluster(t, redistest.Proxied())} }

// patient is a cluster that replaces no master, however long that is away: all of them are, and none has lost anything.
func patient(t testing.TB) site {
	return site{redis: redistest.NewCluster(t, redistest.NodeTimeout(time.Minute))}
}

// single is one server, which each node reaches by a proxy of its own.
func single(t testing.TB) site {
	s := site{redis: redistest.NewServer(t)}
	for range nodeCount {
		s.proxies = append(s.proxies, redistest.NewProxy(t, s.redis.Addrs()[0]))
	}
	return s
}

// seeds is where node number i looks for Redis.
func (s site) seeds(i int) []string {
	if s.proxies == nil {
		return s.redis.Addrs()
	}
	return []string{s.proxies[i].Addr()}
}
