package config

import (
	"fmt"
	"time"

	"orchestrator/internal/balancer"
	"orchestrator/internal/httpapi"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// The strategies by which an owner is chosen for a new session.
var strategies = []string{string(balancer.LeastConnections), string(balancer.ConsistentHash), string(balancer.RoundRobin)}

// MaxRequestTimeout bounds requestTimeout: a server must still be able to write the answer before it closes the connection, 30 s after it has
// read the request; and what is served together with a later request of others may end as late as that one's time does.
const MaxRequestTimeout = 14 * time.Second

// keys is the one list of everything that can be set.
var keys = []Key{
	nodeID(),
	text("advertisedHost", "127.0.0.1", "a host name or address that others can reach, without scheme or port",
		func(c *Config) *string { return &c.AdvertisedHost }, validAdvertisedHost, "where peers and clients reach this node"),
	whole("port", 8080, 1, 65535, func(c *Config) *int { return &c.Port }, "port to listen on and to advertise"),
	text("listen", "127.0.0.1", "a host name or address, without a port (0.0.0.0 for every address)",
		func(c *Config) *string { return &c.Listen }, validListen, "address to bind"),
	text("zone", "", fmt.Sprintf("at most %d letters, digits, '.', '_', '-' or '/'", session.MaxNodeID),
		func(c *Config) *string { return &c.Zone }, validZone, "failure domain of this node, for placement"),

	list("seeds", "127.0.0.1:6379", "1 to 64 addresses such as 10.0.0.1:6379, redis://host:6379 or rediss://user:secret@host:6379, parted by commas",
		func(c *Config) *[]string { return &c.Seeds }, validSeeds, "where Redis is: one server or cluster, by one or more addresses"),
	text("redisUsername", "", "at most 255 characters", func(c *Config) *string { return &c.RedisUsername }, atMost(255), "Redis user; none: the default user"),
	secret(text("redisPassword", "", "at most 1024 characters", func(c *Config) *string { return &c.RedisPassword }, atMost(1024),
		"Redis password; not a flag, for others can read those")),
	text("redisPasswordFile", "", "a readable file", func(c *Config) *string { return &c.RedisPasswordFile }, anyText,
		"file that holds the Redis password and nothing else"),
	text("redisCAFile", "", "a readable PEM file", func(c *Config) *string { return &c.RedisCAFile }, anyText,
		"certificate authorities to trust for rediss://; none: the system's"),
	text("redisCertFile", "", "a readable PEM file", func(c *Config) *string { return &c.RedisCertFile }, anyText,
		"client certificate for rediss://"),
	text("redisKeyFile", "", "a readable PEM file", func(c *Config) *string { return &c.RedisKeyFile }, anyText,
		"key of the client certificate"),

	text("prefix", "orch", "1 to 32 letters, digits, '_', '-', '.' or ':'", func(c *Config) *string { return &c.Prefix }, validPrefix,
		"prefix of every Redis key: one fleet, one prefix"),
	powerOfTwo(whole("partitions", 256, 1, keyspace.MaxPartitions, func(c *Config) *int { return &c.Partitions },
		"buckets that sessions hash into, fixed for the life of a fleet")),
	whole("replicationFactor", 2, 1, 3, func(c *Config) *int { return &c.ReplicationFactor },
		"records of each session in all, on different Redis masters"),
	whole("compressionThreshold", 2<<10, 0, session.MaxBlob, func(c *Config) *int { return &c.CompressionThreshold },
		"bytes of a session's config, labels and operations from which they are kept compressed; 0: never"),

	whole("maxSessions", 1000, 1, 1_000_000, func(c *Config) *int { return &c.MaxSessions }, "most sessions this node owns at once"),
	number("weight", 1, 0.01, 100, func(c *Config) *float64 { return &c.Weight }, "share of sessions relative to other nodes"),
	choice("strategy", strategies[0], strategies, func(c *Config) *string { return &c.Strategy }, "how the owner of a new session is chosen"),

	span("gossipInterval", time.Second, 100*time.Millisecond, time.Minute, func(c *Config) *time.Duration { return &c.GossipInterval },
		"how often the view of the fleet is refreshed"),
	span("heartbeatTimeout", 5*time.Second, time.Second, 5*time.Minute, func(c *Config) *time.Duration { return &c.HeartbeatTimeout },
		"a node silent for so long is dead"),
	span("syncInterval", 10*time.Second, time.Second, time.Hour, func(c *Config) *time.Duration { return &c.SyncInterval },
		"how often copies, counts and indexes are compared and mended"),
	span("leaseTTL", 30*time.Second, 3*time.Second, time.Hour, func(c *Config) *time.Duration { return &c.LeaseTTL },
		"life of a session's lease between renewals"),
	span("requestTimeout", 10*time.Second, 100*time.Millisecond, MaxRequestTimeout, func(c *Config) *time.Duration { return &c.RequestTimeout },
		"longest a request may take"),
	span("drainDelay", 5*time.Second, 0, 5*time.Minute, func(c *Config) *time.Duration { return &c.DrainDelay },
		"how long a stopping node, no longer ready, still serves, so that load balancers notice"),
	span("drainTimeout", 15*time.Second, 0, time.Hour, func(c *Config) *time.Duration { return &c.DrainTimeout },
		"how long a stopping node may take to hand its sessions over; what is left then is taken over as a dead node's"),
	span("revokeTimeout", 5*time.Second, 100*time.Millisecond, 20*time.Second, func(c *Config) *time.Duration { return &c.RevokeTimeout },
		"how long the processes beside a node may take to let go of a session that moves"),
	whole("rebalanceRate", 100, 0, 10_000, func(c *Config) *int { return &c.RebalanceRate },
		"sessions a second that a node with more than its share gives away by itself; 0: none"),

	list("trustedProxies", "",
		fmt.Sprintf("at most %d addresses or networks such as 10.0.0.5 or 10.0.0.0/24, never every address, parted by commas", maxProxies),
		func(c *Config) *[]string { return &c.TrustedProxies }, validProxies,
		"load balancers whose X-Forwarded-For says who a client is; none: it is whoever connects"),
	whole("maxStreamsPerClient", httpapi.DefaultStreamsPerClient, 1, 1_000_000, func(c *Config) *int { return &c.MaxStreamsPerClient },
		"most streams that one client, by its address, has on this node at once; processes on the same machine are not held to it"),

	whole("cacheMegabytes", 32, 0, 65536, func(c *Config) *int { return &c.CacheMegabytes },
		"megabytes of memory for sessions that eventual reads are answered from; 0: none"),
	span("cacheTTL", time.Second, 0, time.Hour, func(c *Config) *time.Duration { return &c.CacheTTL },
		"how old the answer of an eventual read may be while Redis answers; 0: read for each"),

	choice("logLevel", "info", []string{"debug", "info", "warn", "error"}, func(c *Config) *string { return &c.LogLevel }, "least severe line that is logged"),
	choice("logFormat", "text", []string{"text", "json"}, func(c *Config) *string { return &c.LogFormat }, "form of the log"),
	whole("profilePort", 0, 0, 65535, func(c *Config) *int { return &c.ProfilePort },
		"port on 127.0.0.1 where Go's profiles are served, under /debug/pprof/; 0: none"),
	choice("preset", "", []string{"high-throughput", "high-availability"}, func(c *Config) *string { return &c.Preset },
		"set of defaults to start from, over which any key that is set wins"),
}

func nodeID() Key {
	k := text("nodeId", "host name and random digits", fmt.Sprintf("1 to %d letters, digits, '.', '_' or '-', the first a letter or digit", session.MaxNodeID),
		func(c *Config) *string { return &c.NodeID }, validNodeID, "name of this node, unique in the fleet")
	k.draw = drawNodeID
	return k
}

func secret(k Key) Key {
	k.Secret = true
	k.value = func(*Config) string { return hidden }
	return k
}

func powerOfTwo(k Key) Key {
	inRange := k.check
	k.Range = "a power of two" + k.Range[len("a whole number"):]
	k.check = func(c *Config) error {
		if err := inRange(c); err != nil {
			return err
		}
		return mustBe(c.Partitions&(c.Partitions-1) == 0)
	}
	return k
}
