package redisx

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// MinVersion is the oldest Redis the fleet runs on.
const MinVersion = "7.0"

// checkServers refuses masters that are too old or that evict keys: an evicted lease or record would be a lost session.
func (c *Client) checkServers(ctx context.Context) error {
	if c.embedded {
		return nil
	}
	return c.eachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		addr := master.Options().Addr
		all := map[string]string{}
		for _, section := range []string{"server", "memory"} { // one at a time: servers before 7.0 know no more
			info, err := master.Info(ctx, section).Result()
			if err != nil {
				return Unavailable("cannot ask "+addr+" about itself (INFO "+section+")", err)
			}
			maps.Copy(all, fields(info))
		}
		return checkInfo(addr, all)
	})
}

func checkInfo(addr string, info map[string]string) error {
	if version := info["redis_version"]; !atLeast(version, MinVersion) {
		return Unavailable(fmt.Sprintf("%s runs Redis %q, at least %s is needed", addr, version, MinVersion), nil)
	}
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		return Unavailable(fmt.Sprintf("%s has maxmemory-policy %q, which evicts leases and sessions: set it to noeviction", addr, policy), nil)
	}
	return nil
}

// fields reads the name:value lines of INFO.
func fields(info string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

func atLeast(version, least string) bool {
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for i := range want {
		if i >= len(have) {
			return false
		}
		h, err := strconv.Atoi(have[i])
		w, _ := strconv.Atoi(want[i])
		if err != nil || h != w {
			return err == nil && h > w
		}
	}
	return true
}
