// Package runner runs a command for each session that its node owns: it is the process beside a node that starts agents.
//
// Its node hands out leases. What it believes is in this order:
//
//	stream   one connection to the node, kept by the follower behind Node. What it told ends with it, whoever ends it: everything is killed at
//	         once, for where a node has died another may start the same session within a fraction of a second
//	lease    the right to run one session under one epoch, up to a moment that the node puts off. The child's leash knows that moment
//	grant    what is done under one lease. Its end lets the session go; another lease for the session comes after that
//	attempt  one start of the command. A grant has several where the command fails and is started again
//
// # How a child ends
//
//	the command ends      what it left behind is killed, its output is published, its exit code recorded; the restart policy decides
//	revoked               SIGTERM; SIGKILL after the grace, or earlier: a quarter of what is left until the deadline, at most a second, is kept for
//	                      the kill, the rest of the output and the acknowledgement
//	the runner is told    SIGTERM; SIGKILL after the shutdown grace. The stream stays open until every child is gone
//	the node is silent    SIGTERM when a quarter of the lease's length is left; SIGKILL when an eighth is, or half a second. The leash does it,
//	                      whatever the runner does
//	the stream has ended, SIGKILL at once
//	or the epoch is old
//	the runner is killed  SIGKILL at once, by the leash (package leash)
//
// # What is kept where
//
// In the session, by changes under its epoch: the status (active while it runs, completed or failed at its end), the label runner.exit
// (exit code of the last attempt) and the label runner.after (id of the last input that the command has read).
// In memory: whatever was read from the command and not published yet. While the session is owned, the command waits when that is much; nothing
// is dropped. What is left when the session must be let go is dropped, and the log says how much.
//
// # Input: at least once
//
// An input counts as delivered when the command has read its line from the pipe, to its last byte. runner.after is recorded
// a moment after it moves, when the command ends and when the session is let go. After a crash the next runner goes on from what was recorded
// last: inputs read since then are delivered again. Lines that the command had not read yet are delivered to the next one.
// What a command has read and not dealt with when it ends is its own to remember, in the session's context.
package runner
