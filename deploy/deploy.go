// Package deploy holds the shipped configuration: what operators copy is what
// the tests run. README.md explains the files.
package deploy

import _ "embed"

// RedisCluster is redis/redis-cluster.conf: one node of the cluster.
//
//go:embed redis/redis-cluster.conf
var RedisCluster string

// RedisUsers is redis/users.acl. In place of passwords it names them, as
// @FLEET_PASSWORD@, @REPLICATION_PASSWORD@ and @ADMIN_PASSWORD@.
//
//go:embed redis/users.acl
var RedisUsers string

// HAProxy is haproxy/haproxy.cfg: a load balancer before the fleet.
//
//go:embed haproxy/haproxy.cfg
var HAProxy string

// Compose is compose.yaml: the whole fleet on one machine.
//
//go:embed compose.yaml
var Compose string
