package config

import (
	"regexp"
	"slices"
	"strings"
)

// testPrefix starts the variables of the project's own tests, which the processes they start inherit.
const testPrefix = EnvPrefix + "TEST_"

// Kubernetes describes every Service of a namespace to every pod in variables of these forms, so that a Service named
// orchestrator would otherwise set this node's port to an URL.
var (
	serviceLink = regexp.MustCompile(`^` + EnvPrefix + `(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	serviceURL  = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// others are variables of our own that configure no node: what `run` tells its commands, and what the compose file takes.
var others = []string{EnvPrefix + "SESSION_ID", EnvPrefix + "SESSION_NAME", EnvPrefix + "EPOCH", EnvPrefix + "WORKSPACE", EnvPrefix + "API", EnvPrefix + "IMAGE"}

// foreign reports whether a variable with our prefix was set by somebody who did not mean to configure a node.
func foreign(name, value string) bool {
	return strings.HasPrefix(name, testPrefix) || slices.Contains(others, name) || serviceLink.MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && serviceURL.MatchString(value)
}
