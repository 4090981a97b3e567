// Package lease says who may act for a session, for operators and for takers to see.
//
// A session's lease is one Redis key with a time to live, beside its home record; it holds "node/incarnation/epoch". Its form
// is redsync's: SET NX PX to take it, compare-and-delete to release it, compare-and-PEXPIRE to extend it. Single leases go
// through redsync; bulk paths (create, renewal, failover) write the same key in the same form by script, and a test holds the
// two together.
//
// What the lease is not: the source of truth, or what makes a takeover safe. One Redis Cluster is one pool, so redsync gives no
// quorum here (go-redsync/redsync#70), and a lock alone never excludes a holder that was paused (Kleppmann, 2016). Who owns a
// session is what its home record says; what keeps a former owner out is the record's stamp, whose epoch is the fencing token.
// The lease keeps two takers from wasting work, and shows who holds.
//
// The states of a lease:
//
//	free    no key: never taken, released, or its time has run out
//	held    the key holds a holder and an epoch
//
// What a crash leaves behind:
//
//   - a taker that took the lease and died before its change of the record: the key runs out by itself, the record is untouched.
//   - a holder that died: likewise; who knows it to be dead need not wait (TakeFrom).
//   - a holder whose renewal fails: it stops trusting the lease before Redis forgets it (Outcome), on its own monotonic
//     clock, counted from before the renewal was sent. It learns "lost" only from Redis; silence is never "lost".
//   - a key lost by Redis while the record stands: the next renewal writes it again, for the record is the truth.
//
// Renewal is in two steps, for a node has tens of thousands of leases and nearly all are as they should be: Extend gives those that name the
// holder their time again, without a look at the records; Renew looks at the records of the rest.
//
// redsync is used as its pitfalls allow: WithGenValueFunc, for Lock ignores WithValue; one goroutine at a time per mutex; and a SetNX
// that recognises its own earlier execution, for a lost reply makes the Redis client send it again.
package lease
