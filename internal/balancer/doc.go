// Package balancer says which node should run a session, and keeps the live count of every node.
//
// The counts are one sorted set, node to number of sessions: those a node owns plus those on their way to it. Redis is
// authoritative; a script chooses and raises the count in one step, so that a burst cannot herd onto the node that was idle
// a moment ago, and no burst takes a node over its maxSessions. It looks at each node's registration itself, for a view may be old:
// only a ready node that its peers have not quarantined is chosen.
//
// Asked only to tell (Explain), the same script says which node it would have chosen at that moment and what it compared, and changes nothing.
//
// Counts change around a change of a session's record, which lies in another slot and cannot change in the same step. So each
// change is announced here first and settled afterwards:
//
//	arriving   before a create or a takeover: a node was chosen, its count raised, the attempt recorded
//	leaving    before a delete or a move away: recorded, the count as it was
//	settled    afterwards: the record is removed; the count goes down by one if an arriving session did not come ("not kept")
//	           or a leaving one did go ("not kept"); it stays if it came, or did not go ("kept")
//
// A session may return to the node that it leaves: one that was started again under its name takes back what its former
// incarnation owned, and counts are kept by name. Until both attempts are settled such a session is counted twice, but it needs
// one place, and that is its own: a node at its maxSessions takes back all it had, however many return at once, and nothing
// else meanwhile. So an attempt tells where its session is counted now. To that node's limit, its share, and the choice of the
// emptiest, only the other sessions matter then, each counted once, those announced to leave not at all. No cap is broken by
// this, for a return does not raise the number of sessions that a node owns. A node that comes back with a smaller maxSessions
// takes sessions back once the others have taken what is too many.
//
// What a crash leaves behind: an attempt between announcing and settling, with a deadline. Until somebody settles it the count
// is at most one too high, never too low, so no cap is broken. The change of the record itself must be refused after the
// deadline; then an attempt past it can be settled by anyone from what the records say (Snapshot lists such attempts).
//
// A Redis that was rolled back loses counts. They are set right from the records: Snapshot tells a node's count and moves, a
// number that grows with each change; the truth is counted elsewhere; Correct writes it only if moves is still the same. What a
// node owns and one for each attempt under way there is never too low, whatever of these attempts has happened already.
//
// A node that has gone is forgotten: its attempts page by page, its count and moves with the last of them. While there is a
// count, attempts under way settle against it, even if the node is registered anew meanwhile. Afterwards nothing is recorded for
// the node, and what is not recorded settles to nothing. Of whatever node anything is kept, its moves are too: Counts names it.
//
// Every script recognises its own earlier execution, for a lost reply makes the client send it again: an attempt's key is
// unique, a recorded attempt is not chosen for again, and one that is settled is no longer recorded.
package balancer
