package config

import (
	"fmt"
	"net"
)

// Warnings returns what is allowed and hardly meant, a sentence each.
func (c Config) Warnings() []string {
	var all []string
	switch here, there := loopback(c.Listen), loopback(c.AdvertisedHost); {
	case here && !there:
		all = append(all, fmt.Sprintf("listen %s is reached from this host alone, and advertisedHost %s tells others to come: set listen too, unless a proxy stands between",
			c.Listen, c.AdvertisedHost))
	case there && !here:
		all = append(all, fmt.Sprintf("advertisedHost %s means each host itself: nodes on other hosts cannot reach this one, which listens on %s",
			c.AdvertisedHost, c.Listen))
	}
	if c.ReplicationFactor == 1 {
		all = append(all, "replicationFactor 1 keeps one record of each session: writes that were acknowledged are lost with the Redis master that holds it")
	}
	return all
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
