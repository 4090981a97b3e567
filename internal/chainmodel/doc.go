// Package chainmodel is a searchable model of the session record protocol. It holds no Redis and serves no request: its
// tests look for a schedule of calls, faults and crashes under which the protocol breaks a promise.
//
// # The protocol
//
// A session's records form one chain: its copies in a fixed order, then home. Every change, be it create, write, takeover,
// delete, move or repair, is the same compare-and-set of the whole record, sent along the chain in that order. A script
// replaces the record only if the one that is there has exactly the expected stamp: epoch, version and operation. Home is
// the commit point, and an answer is given after it. Any refusal or silence is followed by a resolve: read the records,
// take the one of the highest rank (epoch plus version; of equal ranks home's), write it over the others, home last. There
// is no second phase and no fence besides the stamp, so nothing can be left half done: a crash leaves a chain whose first
// places are one change ahead, and whoever resolves next finishes that change.
//
// A record names the chain it lies on. A move writes a record with another chain: the new places first, then the old copies,
// which keep it as a pointer, then home. A reader starts from home and follows what it finds; when home is lost it looks at
// every place a copy may lie. docs/adr/0006-moving-a-copy.md says which rules this takes and how each was found.
//
// A fast write is the same change in the same order, acknowledged after the first place instead of the last. Until home has it, it is no
// base for anything, and a rollback of that place may lose it; nothing else about the protocol changes. To write home first instead, which is
// what "the copies follow" suggests, gives one epoch to two owners: a stale owner commits on a home that was rolled back.
//
// # The world
//
// A World has a few sessions on shared places, three nodes, and actors: attempts of operations through any node, readers,
// sync rounds, collectors of tombstones. Each script call is one atomic step and the dice decide who takes the next one. A
// call may be sent twice, answered and repeated later, or time out and run later or never; actors crash or sleep; leases
// expire; one place is rolled back to any earlier state, nothing at all included. Records carry the list of operations
// applied to them, which no script looks at. In the end every record is resolved and the checker compares that list with
// what clients were told: nothing acknowledged is lost, nothing is applied twice or after a refusal, reads are
// linearizable, epochs are never told to two owners, holders of an old epoch commit nothing. At every step indexes equal
// the function of home's record that they are, and no two different records bear one stamp.
//
// # The searches
//
// Variants are protocols that must hold, each under many random runs; a run is a function of its variant and seed.
// Controls are the protocol with one guard removed: the search must find what goes wrong, which shows both that the guard
// is needed and that the search would see it. Scenarios are small casts whose interleavings are followed one by one.
//
// The live counts of the balancer have a model of their own, in the files that begin with ledger and fleet: reservations,
// departures and reconciliation over the same network, checked for nodes that get more than they may have.
//
// Random search and small cases are no proof: no violation in N runs says that a violation is rarer than about 3/N of
// such runs.
package chainmodel
