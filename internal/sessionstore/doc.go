// Package sessionstore keeps what was done: every session as a chain of records on different Redis masters, changed by
// compare-and-set, read so that no acknowledged change is lost with any one master.
//
// # The chain
//
// A session has one record at home (the slot of its partition) and replicationFactor-1 copies, each at one of its partition's
// seven copy tags, chosen so that its master is not home's. The records hold the same: plain fields an operator can read and a
// msgpack body. Which copy tags the chain uses is written in the record itself (field chain); it is chosen with the session's id.
//
// A record's stamp is (epoch, version, op): the number of its ownership, the number of its other changes, the operation that
// made it. Every change raises exactly one of epoch and version by one, so their sum, the rank, counts the changes. Stamps are
// compared as a whole; an absent record has the zero stamp. Equal stamps mean equal records.
//
// # Body
//
// What scripts and operators need not read is one field, blob: a format byte and msgpack, or the same msgpack compressed, where it is large and
// that saves enough. Every node reads both, whatever it writes itself, so nodes of one fleet may be told different thresholds. Nothing relies on
// a body that was read being written as the same bytes again: a repair passes on the bytes that it read, a change has a stamp of its own and
// its body always goes whole. An operation is tried by the one node that drew its id, which makes equal bytes of equal records: so equal stamps
// mean equal bytes, too. What a compressed body unpacks to has the limit of one that is not; it is known before anything is unpacked, and
// a checksum tells whether it is what was written.
//
// # Change
//
// Create, write, takeover, delete, moving a copy and repair are one thing: replace the whole record if its stamp is exactly the
// expected one, on the copies in chain order, then on home. Home is the commit point: the change is acknowledged after home said
// yes. A place that holds the expected stamp holds that record to the letter: it is told only what differs, and the outcome is as if it had
// been told all. (So a field that a later version adds must not change where an earlier one does not know of it: it belongs into the body,
// which always goes whole.) There is no other fence: a holder's epoch is checked on the record the change was made from, and the stamp carries that
// check to Redis. A refusal or a time-out anywhere says nothing by itself; the writer resolves and decides again.
//
// Of a session with durability fast a write is acknowledged after the first copy already; the other copies and home follow in the same order, beside
// the caller. That copy is where changes are ordered, so nothing else differs, and what a rollback of it may lose is that one change, until home
// has it: nobody builds on it before. docs/adr/0010-fast-durability.md has why it is not home that is written first.
//
// An operation is applied at most once: each record keeps its last 32 operation ids and, as floor, the newest id it dropped. An
// operation found among them was applied; one at or below the floor is answered "unknown" and never applied.
//
// # Beside
//
// A session's messages and its context lie beside each of its records, in the same slot: a stream and a string that the record's hash does not
// hold, but names: field messages is the id of the last message, field context the stamp under which the context was written, and the
// context itself begins with that stamp's operation. A publish and a write of the context are changes of the record like any other; the
// script that replaces the record changes what lies beside it in the same call (attach.lua), as does what ends the session, makes a pointer
// of a place, or drops a record. So at each place, what lies beside the record is determined by the record's stamp, and nothing needs to be proved
// for it that is not proved for the record. Of a session that has neither, no call says a word more, and names no key more.
//
// The id of a message is its position among the session's, from 1, and 63 bits of the operation that published it: equal ids mean the same
// message, and by the same argument the same messages before it. A place that is behind by some is told those alone, if the last that it
// has is what its record says and among the winner's; else all. A repair reads them from any place that has them: how they end is proof enough, whatever the record beside
// them says by then. It looks at what lies at a place after it looked at the record, and goes by both: where either is not as it should be it
// writes, for the place may have been rolled back in between to just the record that is expected.
//
// Publications that come at once may be one change. Its operation is drawn for just these, so that the stamp says which they are, and they share its
// fate; what refuses one of them is decided on the record that the change is made from, which its success proves. None has an operation of its
// own, or needs one: who was told nothing asks again under an idempotency key, which is each one's own.
//
// A publish under an idempotency key asks home which message was published under it last. Beside home's messages lies an index that knows, a
// hash, which the same script keeps (published.lua). It is derived: it says which message it knows of last, and stands if the stream ends with
// that one. Else the question is put to the messages themselves, and the next publish makes the index anew. So nothing has to carry it
// along, and copies need none: home that was given all its messages was given all that is needed.
//
// These changes raise the version, for the chain must tell them apart, but are none of the session as a client sees it: the stamp of the last
// that was is kept in the body (resource), and is the ETag. Their operations have a list of their own beside that of the others.
//
// A former version does not know any of this. Its changes of a record leave the plain fields as they are, at home and at the copies alike, and
// what lies beside; they drop the members of the body, after which an operation no newer than the change is answered "unknown", and the
// record's own stamp is the ETag again. Its repairs copy the fields and not what they name; a publish or a read that finds that out, and the
// audit, bring what is missing from where it is. Its delete leaves keys behind until a node of this version drops the tombstone. Its
// move of copies writes records without the fields: messages and context are lost to the session then, so slots are not to be moved while nodes
// of both versions run.
//
// # Resolve
//
// Resolve reads the records and makes them equal. It starts at home and follows what the records it reaches name: their chains, and the
// chains before a move, for an unfinished move may have written over the pointer that lay at its new place. It looks at all seven copy
// tags where home may fail to lead to a copy: home is gone, its chain is short or lies on home's own master and may have gone back with
// it, or a place that was reached is empty. The highest rank wins; on equal rank home wins, then the record whose place the other was
// moved from, then the one later in the chain. The winner is written over the others, each by compare-and-set on what was read: its
// chain, the chain it was moved from if home does not hold it yet, strays, home last; any refusal starts over. A linearizable read is a
// resolve; when all stamps agree it writes nothing.
//
// # Move
//
// Copies that share home's master after slots have moved go to another chain. A move is a change whose record names the new chain and,
// in from, the old one: the new places first, and only over what ranks lower, then the old ones, which keep it as a pointer, then home.
// A session without copies gets its first one at a fixed tag. docs/adr/0006-moving-a-copy.md has what the model showed.
//
// # What a crash leaves
//
//	before the first copy       nothing
//	copy written, home not      a copy one change ahead; the next resolve (a reader, a refused writer, the sync round) finishes it
//	home written, reply lost    a committed change; the retry finds its operation id and acknowledges
//	a copy lost or rolled back  home wins the next resolve
//	home lost or rolled back    the copy wins the next resolve; until then lists and eventual reads may lag
//	what lies beside a record   what the record says, for both are written at once
//	a move half done            a stray at the new place that nothing points to, or a pointer from the old place to the new
//
// The lease, the owner's set, the index, the expiry entry and the event are derived by home's script from the difference between the old
// and the new record, never from what the writer meant to do: a repair may commit somebody else's unfinished change.
//
// # Events
//
// Home's script tells every change that it makes in the partition's stream: one entry for what the record was before and what it is now.
// The reason and who acts come from the caller, the rest from the difference, so that a repair tells the change that it finishes, once, with
// the reason "repair". A change that home skipped, as where a repair jumps over several, is told by the one that came after it. What is lost
// with home's master is told again where a repair brings it back. Nothing that leaves the record as it is tells anything.
//
// # Audit
//
// The sync round walks each partition: the sessions that home's index or a copy tag's index names, a page at a time, resolving those whose
// records differ; then the owners' sets and the expiry, for what the index does not name; then the tombstones. A session with a record
// younger than Settling is not resolved: what differs may be a change that its writer is in the middle of. Entries are set right by
// scripts that look at the record again, and what is counted is what they found wrong then, so that a healthy store counts nothing however
// much goes on in it. Entries of a session whose home is lost and whose copies are not stay as they are until home is restored.
//
// # Lists
//
// A list walks the partitions' indexes, or the sets of a few owners, from where its token says: one partition after the other, or all at once
// where it goes by creation. For ids begin with the time at which they were made, and so the merge of all indexes, a bite of each at a time, is
// the order in which sessions were asked for. Where a list filters, it looks at the fields that the filter is about first, labels among them,
// and reads whole only what is selected, and of that no more than the page lacks and one, which tells that there is a next page; how much is
// looked at next follows from how much was selected so far. So the cost of a page grows with what must be looked at to fill it, up to a bound at
// which it ends short, and not with the fleet; by creation a page costs one read in each partition at the least. A token is a place and a seal
// that only the fleet's secret makes, for that filter and order alone: it is good at any node, and nobody can have a list begin in another place.
//
// # Deletion
//
// Delete is a change to a tombstone: stamp, operation ids and no body. A tombstone is collected when home and its chain hold it and no
// other tag holds anything else, each older than the retention by its own server's clock when it was read. Strays are not erased but
// written over by the tombstone, so that their age counts anew; so does that of a copy that was lost and made again. Home lists its
// tombstones by when they are to be looked at, and a round looks at all that are due: one that cannot be collected holds up none. A
// compare-and-set that expects absence carries the time after which it must not be applied, so nothing in flight can bring a collected
// session back.
package sessionstore
