// Package fleet is what a node does: the use cases that clients ask for, and the loops by which the nodes together keep every
// session owned by exactly one live node.
//
// No node is special and none keeps state of its own. A request goes down once and up once: choose an owner and reserve its room
// (balancer), write the records (sessionstore), settle the reservation. Create, crash and migration end in the same path: a session
// appears in a node's owned set at an epoch; only who wrote that differs.
//
// # The loops
//
// One work loop per node starts the jobs below and answers the heartbeat's pulse. A job that runs far beyond its time makes the
// pulse fail: a node that cannot do its work stops beating and is taken over, though its process lives.
//
//	topology looks at which Redis master serves which slot
//	renew    writes this node's leases anew, a third of their time apart, from what the home records say it owns
//	recover  takes over the sessions of dead nodes: the survivors divide the partitions by rendezvous hashing, nobody leads
//	trust, assign   tell the processes beside this node until when it may act, and what it owns
//	hand over, drain, rebalance   move this node's own sessions: those that others ask for, all of them, those it has too many
//	expire   ends sessions whose time to live has passed, in this node's share of the partitions
//	sync     compares all records of its share of the partitions and mends what differs; sets live counts right
//
// # Moving what a live node owns
//
// Nobody but the owner moves a session off a live node, for only it can have the processes beside it stop first. Room is reserved
// elsewhere, the session revoked, and when nobody holds it any more it is taken over, like a dead node's. A move of which it is not known
// whether it was made leaves the session revoked until the reservation is over and all records have been read: until then it may still come.
//
// A dead node is asked nothing. What its followers were told to hold ended before its registration could.
//
// # What a crash leaves
//
//	after the reservation, before the records   the reservation runs out; the sync round gives the room back
//	after the records, before it is settled     the sync round finds the session owned and keeps the count
//	after a revocation, before the takeover     the session belongs to a dead node, and is recovered as such
//	in the middle of a recovery                 the partitions not reported are divided anew among who is left
//
// A session's new owner is told so only after home holds its record at the next epoch. Until then the old owner stands.
package fleet
