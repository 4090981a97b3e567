// Package assignments is the board on which a node tells the processes beside it which sessions to run.
//
// A follower is a process on the node's own machine that runs agents. It opens a stream and is told what the node owns: first a
// snapshot, then every change. The board is memory alone: what the node owns stands in Redis, is read again and again, and reaches the
// board as a picture (Begin, Sync). A board that is lost with its process is drawn again from the next picture.
//
// # The promise
//
// A follower that keeps the rules below never holds a session while a follower of another node holds it, if the node moves a session
// only after Revoke has returned it, and if others take this node's sessions only after the time that Trust was told has passed.
//
//	trusted     the node's registration lets it act until a moment that each good beat puts off (Trust)
//	fenced      that moment has passed: the node holds nothing, streams have ended, none begins until it is trusted again
//	            and a picture that was begun since has come in
//
// # Rules for a follower
//
//  1. Hold what snapshot and assigned name, each under its epoch, and nothing else.
//  2. Drop everything when the stream ends, for whatever reason, and when until has passed. snapshot tells it first, each valid puts it
//     off. It is wall-clock time of this machine: turn it into a time-out when it is read, and do not look at the wall clock again.
//     Closing the connection, in one direction or both, is letting go: drop first, close then.
//  3. On revoked: stop the session, by its deadline at the latest, then acknowledge session and epoch. An acknowledgement may be sent again
//     while it is not answered, but not after that session has been assigned anew.
//  4. Connect again when the stream has ended. The new stream has a new watcher id and starts from a new snapshot.
//
// # Why that is enough
//
// The board remembers for each follower what it was handed (a grant: session and epoch) from before the event leaves until the follower
// acknowledges or cannot hold it any more. A session has at most one grant with a follower: it is not assigned anew, not even at
// another epoch, before the former grant was given back. So an acknowledgement can only mean the grant that is there.
// An assigned that was not delivered yet is no grant: revoked in time, it is never told, and there is nothing to wait for. That also bounds
// what a slow follower costs: a note per session, however often the session came and went.
//
// Revoke waits until no follower has a grant for the session. There are four ways to that:
//
//	acknowledged   the follower said so
//	closed         the follower closed its connection (rule 2: it had dropped everything before)
//	cut off        it did not acknowledge within RevokeTimeout, or could not be written to, or its connection ended and it is on another machine,
//	               where that may be the network's doing: its stream ends, it gets no further valid, and the grant stands until the last
//	               until that it was told has passed
//	fenced         until has passed for everybody
//
// A picture is older than it looks: it was read some time before Sync. So a picture says nothing about a session that was revoked, restored
// or moved since Begin, nothing at all if the trust under which it was begun has lapsed or belonged to another incarnation, and nothing
// after a younger one has been taken.
//
// What a picture takes away is gone already (deleted, expired, or moved by somebody who did not ask): followers are told with a deadline
// that is now. Against the last kind the board cannot help, the epoch does: a holder's writes under the old one are refused.
//
// # What a crash leaves
//
//	the follower           its connection closes: it holds nothing, and finds everything in the snapshot when it is back
//	the node               the connections close: its followers drop everything. If they do not notice, until passes
//	the node, stopped      no valid comes: until passes at its followers before its registration ends for others
//	the follower, stopped  it is cut off; when it goes on, until has passed, and it must look before it acts (its writes carry the epoch)
//	in the middle of a     Revoke, then nothing: the sessions stay revoked until Restore or Moved. Whoever calls Revoke owes one of the
//	move                   two for every session that it named. Another incarnation starts afresh
package assignments
