package config

import "time"

// Config is one node's configuration. Load and Default return it complete; Validate holds the limits.
type Config struct {
	NodeID         string // 1 to 63 characters of [a-zA-Z0-9._-]
	AdvertisedHost string // host name or address, without a port
	Port           int    // 1 to 65535
	Listen         string // host name or address to bind; 0.0.0.0 binds every address
	Zone           string // failure domain; may be empty

	Seeds             []string // as given: host:port, redis:// or rediss://
	RedisUsername     string
	RedisPassword     string // never printed
	RedisPasswordFile string
	RedisCAFile       string // PEM
	RedisCertFile     string // PEM
	RedisKeyFile      string // PEM

	Prefix            string // of every Redis key
	Partitions        int    // power of two, 1 to 4096
	ReplicationFactor int    // records of a session in all, 1 to 3

	CompressionThreshold int // bytes of a session's body from which it is kept compressed; 0: never; at most session.MaxBlob

	MaxSessions int     // 1 to 1,000,000
	Weight      float64 // 0.01 to 100
	Strategy    string  // least-connections, consistent-hash or round-robin

	GossipInterval   time.Duration
	HeartbeatTimeout time.Duration
	SyncInterval     time.Duration
	LeaseTTL         time.Duration
	RequestTimeout   time.Duration
	DrainDelay       time.Duration
	DrainTimeout     time.Duration
	RevokeTimeout    time.Duration

	TrustedProxies      []string // addresses and networks (CIDR), at most 64
	MaxStreamsPerClient int      // 1 to 1,000,000

	CacheMegabytes int           // memory for eventual reads; 0: none
	CacheTTL       time.Duration // how old such an answer may be; 0: none are kept

	RebalanceRate int // sessions a second; 0 to 10,000

	LogLevel  string // debug, info, warn or error
	LogFormat string // text or json

	ProfilePort int // of the loopback interface; 0: none

	Preset string // high-throughput, high-availability or empty
}

// Default returns the configuration of a node of which nothing is set. Each call draws another NodeID.
func Default() Config {
	var c Config
	for _, k := range keys {
		if err := k.set(&c, k.defaultValue()); err != nil {
			panic("default of " + k.Name + ": " + err.Error()) // a fault of the table below, found by any test
		}
	}
	return c
}
