// Package redisx is the fleet's one way to Redis: it finds out whether the seeds are one server or a cluster, refuses servers
// the fleet cannot run on, runs scripts and pipelined reads with retries that are bounded by the caller's deadline, keeps the
// picture of which master serves which slot, and tells Redis's time.
//
// A call may be sent more than once: the reply of an executed call can be lost, and both go-redis and this package then send it
// again. So every script that this fleet runs must recognise its own earlier execution; that is a rule for their authors, and a
// test that drops replies holds them to it.
package redisx
