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
// Reads, and the scripts that carry sessions, go to their masters by lanes: up to four flushes are under way to one master at once, and
// whoever comes meanwhile goes with the next one, together with everybody else who waits. So many callers share few connections and few
// system calls, nobody waits for company, and a master that is slow delays nobody at another. A caller whose time is over before its
// commands were sent takes them back; once sent with others' commands they are waited for. What must end with its caller's context (beats,
// and whatever else keeps a node in the fleet) goes by Run, on a connection of its own.
//
// A call over several servers ends when the last of them has answered or failed: what must not wait for a silent master is sent in a call of
// its own.
//
// A call may be sent more than once: the reply of an executed call can be lost, and both go-redis and this package then send it
// again. So every script that this fleet runs must recognise its own earlier execution; that is a rule for their authors, and a
// test that drops replies holds them to it.
package redisx
