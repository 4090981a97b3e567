// Package redisx is the fleet's one way to Redis: it finds out whether the seeds are one server or a cluster, refuses servers
// the fleet cannot run on, runs scripts and pipelined reads with retries that are bounded by the caller's deadline, keeps the
// picture of which master serves which slot, and tells Redis's time.
//
// Before each server stands a circuit breaker. After three calls in a row that it left unanswered (a time-out, a refused or broken
// connection, LOADING), calls to it fail at once with its address as the reason, and one each 500 ms is let through to see. So a master
// that hangs holds few connections and goroutines, and is not hammered when it comes back. A refusal is a passing failure like any
// other: callers try again within their patience, and the topology is looked at anew, for the slots may have gone to a replica under
// another address. Answers that are errors, and callers that gave up early, say nothing against a server.
//
// A flush over several servers still ends when the last of them has answered or failed: what must not wait for a silent master is sent in
// a call of its own.
//
// A call may be sent more than once: the reply of an executed call can be lost, and both go-redis and this package then send it
// again. So every script that this fleet runs must recognise its own earlier execution; that is a rule for their authors, and a
// test that drops replies holds them to it.
package redisx
