// Package events reads what happened: one stream in Redis for the sessions of each partition, and one for the fleet's nodes.
//
// The streams are written elsewhere, by the scripts that make the changes (commit.lua of package sessionstore, those of package registry), so
// that a change and its event stand or fall together. Each keeps the last session.EventsKept entries, or a few more. There is an order within a
// stream and none between streams, but for the servers' clocks.
//
// # Where a reader stands
//
// A cursor names the last entry that was read of every stream. Reading on begins with that entry, which must still be there. If it is not, events
// are missing behind it: they were dropped, or Redis has lost them with a master, and may have told others since. Then the reader is told so
// (*session.EventsGoneError), and never goes on in silence. A stream that was empty has no such entry; it has lost nothing while it is
// shorter than what is kept. So one command for each stream reads on and proves that nothing is missing. A reader that stands where the
// stream is just being cut is told that events are missing though none may be yet.
//
// What Redis lost without anybody having read it, nobody misses here; the records of the sessions are what counts, and the events of
// those that had to be restored are told anew.
//
// # Looks
//
// Redis is asked again and again: each tenth of a second while something happens, less often while nothing does, down to once a second. A
// node makes one row of looks for all that follow its streams, and none while nobody does. A look takes one command for each stream, in one flush for
// each master; a master that does not answer holds up its own partitions' events for long, and the others' for two seconds.
//
// A follower that comes with a cursor reads by itself until it has caught up, then listens to the looks: first it waits until it knows where they
// stand, then it reads once more, up to there at least. From then on it takes what the looks find. What it has not taken is kept for it up to
// a limit; a follower that is slower is ended, and can go on from its cursor. Events may come twice after a resume, never not at all.
//
// # The cache
//
// The looks also tell the cache of sessions what has changed, so that eventual reads show it about as soon as it was seen. They are made for the
// cache's sake where it keeps its answers for longer than that takes, while it holds any. Where looks begin, or events are missing, it is
// emptied: it may have missed something.
//
// # What a crash leaves
//
//	the node        its followers' connections end; they come again to any node, with their cursors
//	a Redis master  streams pause, and go on when its replica has taken over; where that has fewer events than were told, streams end
package events
