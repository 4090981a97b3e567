// Package registry knows who is alive.
//
// A node is a name; each start of its process is an incarnation of that name, a random word that is never used twice. A
// registration says "this incarnation runs until then" and is kept by beats. Redis is authoritative: its clock alone says what
// has ended, and its scripts decide who holds a name.
//
// An incarnation goes through these states, all told by the {fleet} keys:
//
//	registered  nodes holds the name with an end in the future, incarnations holds the incarnation, node:<id> the details
//	expired     the end lies in the past and nobody has looked yet; its own late beat may still renew it
//	dead        somebody looked (reap): the name is gone from nodes, "node/incarnation" is in dead, its sessions are to be taken over
//	recovered   every partition has reported (recovered): gone from dead, a certificate remains for a day
//	left        it went by itself (leave) with nothing in hand: no key remains but a certificate, for a few timeouts; with
//	            sessions in hand, or with some under way, it is dead at once
//
// Death is final per incarnation. A process that finds its incarnation dead, or its name taken by another, holds nothing of
// what it held: it takes a fresh incarnation and registers anew. A node also stops trusting itself before anyone else may stop
// trusting it: its last good beat counts from before that beat was sent, on its own monotonic clock, less a margin (Trusted).
// The margin covers what the two clocks may differ in rate; a session's stamp, not this clock, is what keeps a stale owner out
// (Kleppmann, "How to do distributed locking", 2016).
//
// Nobody is judged by a Redis that stood still. When it goes on, the beats of the living wait in its queue beside the calls
// that look for the dead, and it serves them in any order. So a look carries an end: three fifths of the timeout after the
// caller's last good beat, as Redis dated that. Whoever has beaten as the caller has is still registered then. And a node that
// has just come to trust itself again has Steady begin anew, so that others are heard of before they are judged.
//
// Beats and departures cross on the way too: a beat may still wait on a connection that was given up when its node leaves. It
// finds the certificate that leave has written, and brings nothing back.
//
// States that people set (ready, cordoned, draining) live in the registration's hash, so that any node may set them on any
// other; beats leave them alone.
//
// What a crash leaves behind:
//
//   - before register: nothing.
//   - after register, before the first beat, or between beats: the registration ends by itself, the next reap finds it.
//   - after reap: the dead holder stays in dead until every partition has reported, whoever reports.
//   - in the middle of a recovery: partitions that have reported stay reported; the others are done again by the survivors.
//   - before leave: as between beats. After it: nothing but the certificate, which ends by itself.
//
// The live count of a name (package balancer keeps it) goes with the name, unless attempts are under way that settling would
// count: then leaving is death, and the end of a recovery leaves the count to be forgotten together with them.
//
// Every script recognises its own earlier execution, for a lost reply makes the client send it again. Scripts that must pass
// on a Redis at its memory limit begin with a write that frees memory or takes none: Redis checks the limit before a script's
// first write only, and a fleet that cannot beat would lose every node at once.
package registry
