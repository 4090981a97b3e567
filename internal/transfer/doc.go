// Package transfer takes sessions from one fleet to another: as lines of a file (Export, Import), or from one to the other directly (Move).
//
// # What is carried over
//
// Type, name, workspace, config, labels and status; and of an expiry the time that is left. A session gets a new id where it is made, with
// the former one in the label imported-from; the label runner.after, which is of the messages, is left out. Owner, epoch, version, copies and the other times are the fleet's own, and begin anew. Messages
// stay behind. The context goes along with Move, not with Export.
//
// # Import
//
// Each line is one session. A line is made under an idempotency key that is drawn from its id, by which the fleet recognises it for 24 hours;
// and sessions that have the label imported-from are read before, by which it is recognised as long as the session lives. So an import
// that was cut off is simply run again. What is there already is left as it is. A line that is refused is told and the next is gone on with; an
// import ends early only when the fleet can take none.
//
// # Move
//
// At every moment one of the fleets has the session, and its state. The steps for one session, each durable before the next begins:
//
//	1 mark      at the source, label moving-to: whither. A session marked for somewhere else is refused.
//	2 copy      at the target, held: labels moving-from (whence) and imported-from (the id). Then the context, if it has one.
//	3 verify    the copy is read again and compared with what was read at the source.
//	4 delete    at the source, if it is still in the state that was copied. Else the copy, which nobody runs, is deleted, and made again.
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
//	4 | 6   a held copy whose session is gone at the source: released
//
// Held copies of the same source are looked for first, whatever is selected. They name their source as the caller does: another name
// for it is another source, whose copies are left alone, since it cannot be known whether their sessions are gone.
//
// A copy that was made by Import, or of a session that came back, stands in nobody's way unless it is there at the same time: then neither is
// touched, and it is told.
//
// What Move cannot see is a context that changes between the last look at it and the deletion: it is compared just before.
package transfer
