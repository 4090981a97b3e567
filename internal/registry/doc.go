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
//	dead        somebody looked (reap), or saw its process end (bury): the name is gone from nodes, "node/incarnation" is in dead,
//	            its sessions are to be taken over
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
// Nor is anybody judged by a Redis that was rolled back, as by the replica of a master that had gone on acknowledging beats on the wrong
// side of a partition: it has forgotten beats of nodes that trust themselves by them. Whoever looks or beats finds its own registration
// older than it was told; the look then declares nobody, and the beat has Steady begin anew. A registration that ends later than it was told
// is as bad: a beat has been carried out whose answer, and the word of a rollback in it, is still under way or lost.
//
// A peer that saw a process end, its port closed and a new connection refused, need not wait for the registration: it declares that one
// holder dead by name (bury). The word of a node that does not trust itself, or that comes late, counts as little there as in a look.
// A beat of the dead that was still under way finds itself in dead. A fresh start under the same name needs no longer wait, for the name
// is free.
//
// The brake: where more than half of the nodes are gone within one timeout, something that they share has failed, and it is likelier that
// they come back together than that the few who are left can carry what all had. Then bury declares nobody, and reap only those
// whose registration has been over for one timeout more. Until then their own beats renew them: a fleet that stood still together
// moves nothing. It comes back one by one, so the brake holds for one timeout after the last look that found more than half gone
// (brake says so). Gone are those that were declared dead within the window (deaths remembers them, however quickly they are
// recovered) and those that have ended and are not declared yet; all are these and the registered. Nodes that stop together end one
// after the other, as each had beaten at another moment: while those with less than half a timeout left would make more than half with
// the gone, reap waits for them to beat or to end. A node that leaves by its own
// word is neither, with sessions in hand or without. One that is started again under its name counts as gone, but it says itself
// that its former incarnation is no more, and is not held up. Of two nodes one is not more than half.
//
// Beats and departures cross on the way too: a beat may still wait on a connection that was given up when its node leaves. It
// finds the certificate that leave has written, and brings nothing back.
//
// States that people set (ready, cordoned, draining) live in the registration's hash, so that any node may set them on any
// other; beats leave them alone. So it is with what else others say of a node:
//
//   - drain: since when it drains, by when it should be done, how many sessions it had. Any other state removes that.
//   - quarantine: a node may beat and not serve, which its peers see and it does not. Each peer that watches it notes its verdict
//     (report) while it finds it failing; while more than half of them do, the node is quarantined: it takes no sessions, and keeps
//     those it has. A verdict has an end, and the quarantine ends with the last of its verdicts: where the watchers die or watch somebody
//     else it lifts by itself. It belongs to the incarnation.
//
// What a crash leaves behind:
//
//   - before register: nothing.
//   - after register, before the first beat, or between beats: the registration ends by itself, the next reap finds it.
//   - after reap or bury: the dead holder stays in dead until every partition has reported, whoever reports.
//   - in the middle of a recovery: partitions that have reported stay reported; the others are done again by the survivors.
//   - before or in the middle of a drain: a draining node, whose sessions are recovered once its registration has ended. It is over
//     with the incarnation.
//   - a peer that has reported: its verdict ends by itself.
//   - before leave: as between beats. After it: nothing but the certificate, which ends by itself.
//
// The live count of a name (package balancer keeps it) goes with the name, unless attempts are under way that settling would
// count: then leaving is death, and the end of a recovery leaves the count to be forgotten together with them.
//
// What all nodes must agree on (meta) is compared before a node registers, and written again by the nodes that run where Redis has lost
// it. A node that begins in between, within one look of a node that runs, may write something else; those who ran before say so.
//
// What becomes of a node is told in the stream {fleet}:events by the script that does it: joined, ready, cordoned, draining, left, dead,
// recovered. Whatever the stream's key may hold keeps nobody from the fleet.
//
// Every script recognises its own earlier execution, for a lost reply makes the client send it again. Scripts that must pass
// on a Redis at its memory limit begin with a write that frees memory or takes none: Redis checks the limit before a script's
// first write only, and a fleet that cannot beat would lose every node at once.
package registry
