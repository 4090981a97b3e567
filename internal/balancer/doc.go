// Package balancer says which node should run a session, and keeps the live count of every node.
//
// The counts are one sorted set, node to number of sessions: those a node owns plus those on their way to it. Redis is
// authoritative; a script chooses and raises the count in one step, so that a burst cannot herd onto the node that was idle
// a moment ago, and no burst takes a node over its maxSessions.
//
// Counts change around a change of a session's record, which lies in another slot and cannot change in the same step. So each
// change is announced here first and settled afterwards:
//
//	arriving   before a create or a takeover: a node was chosen, its count raised, the attempt recorded
//	leaving    before a delete or a move away: recorded, the count as it was
//	settled    afterwards: the record is removed; the count goes down by one if an arriving session did not come ("not kept")
//	           or a leaving one did go ("not kept"); it stays if it came, or did not go ("kept")
//
// What a crash leaves behind: an attempt between announcing and settling, with a deadline. Until somebody settles it the count
// is at most one too high, never too low, so no cap is broken. The change of the record itself must be refused after the
// deadline; then an attempt past it can be settled by anyone from what the records say (Snapshot lists such attempts).
//
// A Redis that was rolled back loses counts. They are set right from the records: Snapshot tells a node's count and moves, a
// number that grows with each change; the truth is counted elsewhere; Correct writes it only if moves is still the same.
//
// Every script recognises its own earlier execution, for a lost reply makes the client send it again: an attempt's key is
// unique, a recorded attempt is not chosen for again, and one that is settled is no longer recorded.
package balancer
