package config

import "net/netip"

// rules are the combinations that cannot work. Each is judged only where its values are within their own limits.
var rules = []func(c *Config) *Problem{
	func(c *Config) *Problem {
		return c.unless(c.HeartbeatTimeout >= 2*c.GossipInterval, "heartbeatTimeout",
			"must be at least twice the interval at which the fleet is looked at,", "gossipInterval")
	},
	func(c *Config) *Problem {
		return c.unless(c.SyncInterval >= c.GossipInterval, "syncInterval", "must not be shorter than", "gossipInterval")
	},
	func(c *Config) *Problem {
		return c.unless(c.LeaseTTL > 2*c.HeartbeatTimeout, "leaseTTL",
			"must be more than twice the time after which a node is dead,", "heartbeatTimeout")
	},
	func(c *Config) *Problem {
		return c.unless(c.RedisPassword == "" || c.RedisPasswordFile == "", "redisPassword", "must not be given beside", "redisPasswordFile")
	},
	func(c *Config) *Problem {
		return c.unless(c.ProfilePort == 0 || c.ProfilePort != c.Port || !c.listensOnLoopback(), "profilePort", "must not be the same as", "port")
	},
	oneScheme,
	oneCredential,
	credentialOnce,
	func(c *Config) *Problem {
		return c.unless(c.RedisCertFile == "" || c.RedisKeyFile != "", "redisCertFile", "needs the key of the certificate in", "redisKeyFile")
	},
	func(c *Config) *Problem {
		return c.unless(c.RedisKeyFile == "" || c.RedisCertFile != "", "redisKeyFile", "needs the certificate of the key in", "redisCertFile")
	},
	tlsOnly("redisCAFile", func(c *Config) string { return c.RedisCAFile }),
	tlsOnly("redisCertFile", func(c *Config) string { return c.RedisCertFile }),
	tlsOnly("redisKeyFile", func(c *Config) string { return c.RedisKeyFile }),
}

// listensOnLoopback reports whether the node's port is bound where profiles are served, too.
func (c *Config) listensOnLoopback() bool {
	addr, err := netip.ParseAddr(c.Listen)
	return c.Listen == "localhost" || err == nil && (addr.IsUnspecified() || addr == netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// unless returns a problem of one key, with another where one is named, if the condition does not hold.
func (c *Config) unless(holds bool, key, reason, against string) *Problem {
	if holds {
		return nil
	}
	p := &Problem{Setting: c.setting(key), Reason: reason}
	if against != "" {
		other := c.setting(against)
		p.Against = &other
	}
	return p
}

func (c *Config) setting(key string) Setting {
	k, _ := find(key)
	return Setting{Key: key, Value: k.value(c)}
}

// given returns the seeds, or none where they are not valid: that is another fault, and told of already.
func (c *Config) given() []seed {
	seeds, err := parseSeeds(c.Seeds)
	if err != nil {
		seeds = nil
	}
	return seeds
}

func oneScheme(c *Config) *Problem {
	seeds := c.given()
	for _, s := range seeds {
		if s.tls != seeds[0].tls {
			return c.unless(false, "seeds", "must be all rediss:// or all without TLS", "")
		}
	}
	return nil
}

func oneCredential(c *Config) *Problem {
	seeds := c.given()
	for _, s := range seeds {
		if s.username != seeds[0].username || s.password != seeds[0].password {
			return c.unless(false, "seeds", "must all name the same user and password", "")
		}
	}
	return nil
}

// credentialOnce refuses a user or password that stands in a seed's URL and in a key as well.
func credentialOnce(c *Config) *Problem {
	seeds := c.given()
	if len(seeds) == 0 || seeds[0].username == "" && seeds[0].password == "" {
		return nil
	}
	for _, key := range []string{"redisUsername", "redisPassword", "redisPasswordFile"} {
		if !c.isEmpty(key) {
			return c.unless(false, "seeds", "must not hold a user or password beside", key)
		}
	}
	return nil
}

func (c *Config) isEmpty(key string) bool {
	switch key {
	case "redisUsername":
		return c.RedisUsername == ""
	case "redisPassword":
		return c.RedisPassword == ""
	default:
		return c.RedisPasswordFile == ""
	}
}

func tlsOnly(key string, value func(*Config) string) func(*Config) *Problem {
	return func(c *Config) *Problem {
		seeds := c.given()
		if len(seeds) == 0 || seeds[0].tls || value(c) == "" {
			return nil
		}
		return c.unless(false, key, "has a meaning only where Redis is reached by rediss://, unlike", "seeds")
	}
}
