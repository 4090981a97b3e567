// Package transfer takes sessions from one fleet to another: as lines of a file (Export, Import), or from one to the other directly (Move).
//
// # What is carried over
//
// Type, name, workspace, config, labels, status and durability; and of an expiry the time that is left. A session gets a new id where it is made, with
// the former one in the label imported-from. Owner, epoch, version, copies and the other times are the fleet's own, and begin anew. Context and
// messages go along with Move, not with Export: a session's messages are larger than a line may be. The label runner.after names a message:
// Move has it name the same one at the target, Import leaves it out.
//
// # Import
//
// Each line is one session. A line is made under an idempotency key that is drawn from its id, by which the fleet recognises it for 24 hours, or where
// what was made under it was deleted meanwhile under the next of its keys; and sessions that have the label imported-from are read before, by which
// it is recognised as long as the session lives. So an import that was cut off is simply run again. What is there already is left as it is. A line
// that is refused is told and the next is gone on with; an import ends early only when the fleet can take none.
//
// # Move
//
// At every moment one of the fleets has the session, and its state. The steps for one session, each durable before the next begins:
//
//	1 mark      at the source, label moving-to: whither. A session marked for somewhere else is refused.
//	2 copy      at the target, held: labels moving-from (whence), moving-partial and imported-from (the id). Then the context, if it has one, and the messages.
//	3 verify    the copy, and each message that was published there, is read again and compared with what was read at the source. It is whole:
//	            moving-partial is removed.
//	4 delete    at the source, if it and what lies beside it are still as they were copied. Else what is new beside it is carried over, too; and
//	            where the session itself has changed the copy, which nobody runs, is deleted, and made again.
//	5 settle    a time in which those who ran it at the source are told, and stop.
//	6 release   at the target: moving-from is removed. Now it may be run there.
//
// Between 2 and 4 both fleets list it, the source's with moving-to and the target's with moving-from; from 4 on the target alone.
// Processes of the target must not run a session with the label moving-from: that is the rule by which no two run it. Whoever breaks it runs
// it while it still runs at the source: from 2 until those of the source have been told, after 4.
//
// A crash between two steps leaves what the next run recognises, so that to finish is to run the same again:
//
//	1 | 2   a mark, which changes nothing by itself: the session is selected again
//	2 | 4   a held copy whose session is still at the source: compared again; deleted and made again where it differs
//	4 | 6   a held copy, whole, whose session is gone at the source: released
//
// A partial copy whose session is gone was not left by a move: somebody else has ended the session. It is deleted, and that is told: else the session
// would begin again, with a part of its conversation. A whole copy that is given more is partial again before; and what a former version has made
// has no such label, and is released as that would have done, for it may be all that is left of a session.
//
// Before a copy is deleted, and before a whole one becomes partial, the session is marked again, which changes its version: a deletion that was asked
// for while the copy was whole, by a process that crashed or by another run, does not go through after that; and where it has, the mark fails, and the
// copy is left as it is.
//
// A copy is made under an idempotency key drawn from the session's id and version. A fleet does not make again what was deleted under its key: then
// the next of its keys is taken.
//
// Held copies of the same source are looked for first, whatever is selected. They name their source as the caller does: another name
// for it is another source, whose copies are left alone, since it cannot be known whether their sessions are gone.
//
// A copy that was made by Import, or of a session that came back, stands in nobody's way unless it is there at the same time: then neither is
// touched, and it is told.
//
// # Messages
//
// The source's messages are published at the copy in their order. The target gives them ids of its own, and which is which is known by their
// order alone: a run that finds messages at the copy compares what they say. They must be those with which the source's begin, and the rest is
// published; else the copy is made anew. A conversation that is as long as may be kept loses its oldest messages at both ends as it goes on: there, older ones
// may stand before them at the copy, which are lost as the rest is published.
//
// A publish that a crashed process still has under way may come late. Its key is drawn from the id of its first message, and it begins where the
// copy ended: so does the next run's first publish, under the same key, and the copy takes one of the two. Where the source has meanwhile lost that
// message to newer ones the next run's begins with another, and if the late one comes after the last look, what it says is there twice.
//
// The deletion is conditioned on the session's state, its last message and its context's state: nothing comes between the last look and the
// deletion. A source of a former version, which does not know the latter two, says so, and is looked at again until nothing is new just before.
package transfer
