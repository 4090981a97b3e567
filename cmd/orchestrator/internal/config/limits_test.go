package config

import (
	"strings"
	"testing"
)

// limits holds, for every key, values that are just allowed and values that are just not. A value is written as YAML; bare
// means it cannot stand unquoted in a file and is quoted there.
var limits = map[string]struct{ allowed, refused []string }{
	"nodeId": {[]string{"a", "node-1.rack_2", strings.Repeat("x", 63)},
		[]string{strings.Repeat("x", 64), "-a", ".a", "a/b", "a b", "a{b}", "né"}},
	"advertisedHost": {[]string{"10.0.0.1", "::1", "node_1.example.org", "localhost", strings.Repeat("x", 63)},
		[]string{"0.0.0.0", "::", "http://host", "host:80", "a b", "10.0.0.256", "-a", strings.Repeat("x", 64), "a..b"}},
	"port":          {[]string{"1", "65535"}, []string{"0", "65536", "-1", "http", "80.5"}},
	"listen":        {[]string{"0.0.0.0", "::", "127.0.0.1", "localhost"}, []string{":8080", "127.0.0.1:80", "a b", "127.0.0"}},
	"zone":          {[]string{"eu-west-1a", "rack/7", strings.Repeat("z", 63)}, []string{strings.Repeat("z", 64), "a b", "a{b}"}},
	"redisUsername": {[]string{"fleet", strings.Repeat("u", 255)}, []string{strings.Repeat("u", 256)}},
	"redisPassword": {[]string{"s3cret", "42", strings.Repeat("p", 1024)}, []string{strings.Repeat("p", 1025)}},
	"seeds": {[]string{"127.0.0.1:6379", "redis://host", "redis://user:pw@host:7000/0", "rediss://host", "host:65535", "[::1]:6379",
		strings.Repeat("h:1,", 63) + "h:1"},
		[]string{"host", "host:0", "host:65536", "http://host:80", "redis://host/3", "redis://host?db=1", "unix:///run/redis.sock",
			":6379", "h:1,,h:2", "redis://[::1", strings.Repeat("h:1,", 64) + "h:1"}},
	"compressionThreshold": {
		[]string{"0", "1", "262144"}, []string{"-1", "262145", "2k", "1.5"}},
	"redisPasswordFile": {nil, []string{"/nonexistent"}},
	"redisCAFile":       {nil, []string{"/nonexistent"}},
	"redisCertFile":     {nil, []string{"/nonexistent"}},
	"redisKeyFile":      {nil, []string{"/nonexistent"}},
	"prefix":            {[]string{"o", "team.a:orch_2-x", strings.Repeat("p", 32)}, []string{strings.Repeat("p", 33), "{a}", "a b", "a*"}},
	"partitions":        {[]string{"1", "2", "4096"}, []string{"0", "3", "255", "8192", "-256", "many"}},
	"replicationFactor": {[]string{"1", "3"}, []string{"0", "4", "two"}},
	"maxSessions":       {[]string{"1", "1000000"}, []string{"0", "-1", "1000001", "1e3", "99999999999999999999"}},
	"weight":            {[]string{"0.01", "1", "100", "2.5"}, []string{"0", "0.009", "100.01", "-1", "NaN", "heavy", "Inf"}},
	"strategy":          {strategies, []string{"random", "Round-Robin"}},
	"gossipInterval":    {[]string{"100", "100ms", "2s"}, []string{"99", "99ms", "61s", "-1s", "soon", "1.5", "9223372036854775807"}},
	"heartbeatTimeout":  {[]string{"2000", "5s", "14s"}, []string{"999ms", "999", "301s", "0"}},
	"syncInterval":      {[]string{"1000", "1s", "1h"}, []string{"999", "3601s", "61m"}},
	"leaseTTL":          {[]string{"10001", "11s", "1h"}, []string{"2999", "2.999s", "3600001", "2h"}},
	"requestTimeout":    {[]string{"100", "14s"}, []string{"99", "14001", "15s", "0"}},
	"drainTimeout":      {[]string{"0", "0s", "1h", "3600000"}, []string{"-1", "3600001", "61m"}},
	"revokeTimeout":     {[]string{"100ms", "100", "20s", "20000"}, []string{"99", "0", "21s"}},
	"rebalanceRate":     {[]string{"0", "10000"}, []string{"-1", "10001", "1.5"}},
	"trustedProxies": {[]string{"10.0.0.5", "10.0.0.0/8", "fd00::1, fd00::/64", "127.0.0.1", strings.Repeat("10.0.0.1,", 63) + "10.0.0.1"},
		[]string{"lb", "10.0.0", "10.0.0.0/33", "10.0.0.5:80", "10.0.0.5,,10.0.0.6", "0.0.0.0/0", "::/0", "0.0.0.0", "fe80::1%eth0", "::ffff:10.0.0.5",
			strings.Repeat("10.0.0.1,", 64) + "10.0.0.1"}},
	"maxStreamsPerClient": {[]string{"1", "200", "1000000"}, []string{"0", "-1", "1000001", "1.5", "many"}},
	"cacheMegabytes":      {[]string{"0", "65536"}, []string{"-1", "65537", "1.5"}},
	"cacheTTL":            {[]string{"0s", "1h"}, []string{"-1s", "1h1ms"}},
	"profilePort":         {[]string{"0", "65535"}, []string{"-1", "65536", "x"}},
	"drainDelay":          {[]string{"0", "0s", "5m", "300000"}, []string{"-1", "300001", "6m"}},
	"logLevel":            {[]string{"debug", "info", "warn", "error"}, []string{"trace", "INFO"}},
	"logFormat":           {[]string{"text", "json"}, []string{"logfmt"}},
	"preset":              {[]string{"high-throughput", "high-availability"}, []string{"fast"}},
}

func TestEveryKeyAtAndPastItsLimitsFromEverySource(t *testing.T) {
	t.Parallel()
	for _, k := range keys {
		values, ok := limits[k.Name]
		if !ok {
			t.Errorf("key %s has no row in limits", k.Name)
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			for _, v := range values.allowed {
				for _, s := range sources(k, v) {
					if _, _, err := s.load(t); err != nil {
						t.Errorf("%q is refused: %v", v, err)
					}
				}
			}
			for _, v := range values.refused {
				for _, s := range sources(k, v) {
					expectRefusal(t, k, v, s)
				}
			}
		})
	}
}

// sources sets one key to one value in every place a key may stand.
func sources(k Key, value string) []given {
	all := []given{
		{file: k.Name + ": " + value + "\n"},
		{file: k.Name + `: "` + value + `"` + "\n"},
		{env: []string{k.Env() + "=" + value}},
	}
	if strings.ContainsAny(value, "{}[]*: ,") {
		all = all[1:] // has a meaning of its own in YAML unless quoted
	}
	if !k.Secret {
		all = append(all, given{flags: []string{"--" + k.Flag() + "=" + value}})
	}
	return all
}

func expectRefusal(t *testing.T, k Key, value string, s given) {
	t.Helper()
	_, path, err := s.load(t)
	if err == nil {
		t.Errorf("%q is allowed in %+v", value, s)
		return
	}
	source := path
	switch {
	case s.env != nil:
		source = k.Env()
	case s.flags != nil:
		source = "--" + k.Flag()
	}
	for _, part := range []string{k.Name + " ", "(from " + source + ")"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q: the message does not say %q: %v", value, part, err)
		}
	}
	if k.Secret && strings.Contains(err.Error(), value) {
		t.Errorf("the message shows the secret: %v", err)
	}
}
