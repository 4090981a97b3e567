package report

import (
	"runtime"
	"runtime/debug"
	"slices"
)

// modules are those whose versions matter for what is measured: servers that run in this program, and clients.
var modules = []string{
	"go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/client/v3",
	"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go",
	"github.com/redis/go-redis/v9", "github.com/go-redsync/redsync/v4",
}

// Versions are the modules' as they were linked into this program, and Go's.
func Versions() map[string]string {
	versions := map[string]string{"go": runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, m := range info.Deps {
		if slices.Contains(modules, m.Path) {
			versions[m.Path] = m.Version
		}
	}
	return versions
}
