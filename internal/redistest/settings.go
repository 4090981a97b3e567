package redistest

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
)

// Names of the files a server finds in its data directory.
const (
	configFile = "redis.conf"
	aclFile    = "users.acl"
)

// adminUser is the harness's own user where a test brings an ACL file.
const adminUser = "redistest-admin"

// credentials are what a client says to a server.
type credentials struct{ user, password string }

// admin returns the credentials of somebody who may do everything.
func (s *settings) admin() credentials {
	if s.acl != "" {
		return credentials{adminUser, s.password}
	}
	return credentials{"", s.password}
}

// seal fixes what is chosen at random once for all nodes of one topology.
func (s *settings) seal() {
	if s.acl != "" {
		s.password = rand.Text()
	}
}

// files returns the contents of a server's data directory: dir is where the
// server itself will see it.
func (s *settings) files(dir string, at place) map[string]string {
	files := map[string]string{configFile: s.conf(dir, at)}
	if s.acl != "" {
		files[aclFile] = fmt.Sprintf("%s\nuser %s on >%s ~* &* +@all\n", strings.TrimRight(s.acl, "\n"), adminUser, s.password)
	}
	return files
}

// place is where one server listens, and how the others know it.
type place struct {
	port, busPort         int
	announced, busAtProxy int    // ports of the proxies before it; 0: none
	source                string // address it connects to others from; "": any
}

// conf is the configuration of one server. Redis takes the last word on a
// directive, so the order is: a tested file, the harness's needs, the test's wishes.
func (s *settings) conf(dir string, at place) string {
	var b strings.Builder
	b.WriteString(s.config + "\n")
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("bind 127.0.0.1")
	line("port %d", at.port)
	line("dir %s", dir)
	line("daemonize no")
	line(`logfile ""`)
	// A replica that waits for company before its first sync cannot be promoted meanwhile.
	line("repl-diskless-sync-delay 0")
	if at.source != "" {
		line("bind-source-addr %s", at.source)
	}
	if s.config == "" {
		line("maxmemory-policy noeviction")
		line("appendonly no")
		line(`save ""`)
	}
	if s.cluster {
		s.clusterConf(line, at)
	}
	s.authConf(line, dir)
	for _, d := range s.directives {
		line("%s %s", d[0], strconv.Quote(d[1]))
	}
	return b.String()
}

func (s *settings) clusterConf(line func(string, ...any), at place) {
	line("cluster-enabled yes")
	line("cluster-config-file nodes.conf")
	line("cluster-port %d", at.busPort)
	line("cluster-announce-ip 127.0.0.1")
	if at.announced > 0 {
		line("cluster-announce-port %d", at.announced)
		line("cluster-announce-bus-port %d", at.busAtProxy)
		// A replica that was cut off from its master is still better than nobody.
		line("cluster-replica-validity-factor 0")
	}
	if s.nodeTimeout > 0 {
		line("cluster-node-timeout %d", s.nodeTimeout.Milliseconds())
	}
	if s.config == "" {
		// As deployed: a lost shard takes its own slots away, not everybody's.
		line("cluster-require-full-coverage no")
		line("cluster-allow-replica-migration no")
	}
}

func (s *settings) authConf(line func(string, ...any), dir string) {
	switch {
	case s.acl != "":
		line("aclfile %s/%s", dir, aclFile)
		line("masteruser %s", adminUser)
		line("masterauth %s", s.password)
	case s.password != "":
		line("requirepass %s", strconv.Quote(s.password))
		line("masterauth %s", strconv.Quote(s.password))
	}
}

// clientPassword is what an ordinary client says: with an ACL file, the test
// knows whom it wants to be.
func (s *settings) clientPassword() string {
	if s.acl != "" {
		return ""
	}
	return s.password
}
