package redistest

import (
	"strconv"
	"sync/atomic"
	"time"
)

// Option sets one property of a private server or cluster.
type Option func(*settings)

// settings describe servers before they are started.
type settings struct {
	cluster     bool
	masters     int
	replicas    int // of each master
	nodeTimeout time.Duration
	password    string
	acl         string
	config      string
	directives  [][2]string
	proxied     *atomic.Int32 // counts the addresses handed out to servers; nil: no proxies
}

func defaults(cluster bool, opts []Option) settings {
	s := settings{cluster: cluster, masters: 1}
	if cluster {
		s.masters, s.replicas = 3, 1
	}
	for _, o := range opts {
		o(&s)
	}
	if s.nodeTimeout == 0 && s.config == "" {
		s.nodeTimeout = time.Second
	}
	return s
}

// Masters sets how many masters a cluster has (default 3).
func Masters(n int) Option { return func(s *settings) { s.masters = n } }

// Replicas sets how many replicas each master of a cluster has (default 1).
func Replicas(n int) Option { return func(s *settings) { s.replicas = n } }

// NodeTimeout sets cluster-node-timeout (default one second, or what a [Config]
// says): how long a node is silent before the others hold it for failed.
func NodeTimeout(d time.Duration) Option { return func(s *settings) { s.nodeTimeout = d } }

// Password makes the default user require one.
func Password(p string) Option { return func(s *settings) { s.password = p } }

// MaxMemory limits a server's memory, in bytes, under the given eviction
// policy, such as "noeviction" or "volatile-ttl".
func MaxMemory(bytes int64, policy string) Option {
	return func(s *settings) {
		s.set("maxmemory", strconv.FormatInt(bytes, 10))
		s.set("maxmemory-policy", policy)
	}
}

// ACL loads users from the text of an ACL file. The harness adds a user of its
// own, through which [Node.Admin] and replication go on working.
func ACL(text string) Option { return func(s *settings) { s.acl = text } }

// Config starts servers from the text of a configuration file. Where they
// listen and keep their data is the harness's choice whatever the file says.
func Config(text string) Option { return func(s *settings) { s.config = text } }

// AppendOnly keeps an append-only file, so that a killed server comes back
// with its data; without it, it comes back empty.
func AppendOnly() Option { return func(s *settings) { s.set("appendonly", "yes") } }

// Proxied puts a proxy of the test binary's own before every server, through
// which all others reach it, clients and servers: see [Node.Link],
// [Cluster.Isolate] and [Cluster.Lag].
func Proxied() Option { return func(s *settings) { s.proxied = new(atomic.Int32) } }

// Set adds one configuration directive, the last word on it.
func Set(name, value string) Option { return func(s *settings) { s.set(name, value) } }

func (s *settings) set(name, value string) {
	s.directives = append(s.directives, [2]string{name, value})
}
