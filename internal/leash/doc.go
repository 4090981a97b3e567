// Package leash runs a command whose whole tree of processes ends by a moment that its keeper puts off again and again.
//
// Between the keeper, the process that calls Start, and the command stands the leash: the keeper's own program once more, which does
// nothing else. It is told moments over a pipe, and acts on them by itself, so that a keeper that hangs, is stopped or dies holds
// nobody up.
//
//	keeper ── orders ──► leash ──► command ──► what that starts
//	       ◄── report ──       (a group)     (in any group or session)
//
// Moments are of the machine's monotonic clock (CLOCK_MONOTONIC), which every process reads alike: an order that is read late means what
// it meant when it was given, and nobody's wall clock matters.
//
//	until TERM KILL   by TERM it is told to end, at KILL everything is killed; each until takes the place of the one before
//	stop KILL         it is told to end now, and everything is killed at KILL; the earliest KILL counts
//
// The command does not start before the first until has come. To tell is SIGTERM to the command's process group. To kill is SIGKILL to that group
// and to every descendant wherever it has gone: the leash is their subreaper, so what loses its parent becomes its child, and as long as
// it has a child it goes on killing. When the command itself has ended, what it leaves behind is killed too. Only then is the end reported.
//
// # What a crash leaves
//
//	the keeper             the orders end: the leash kills everything at once, and ends
//	the keeper, stopped    no until comes: TERM and KILL pass
//	the leash              the kernel kills the command (PR_SET_PDEATHSIG); the keeper, told by the end of the report, kills what is left of
//	                       the leash's session. What had left that session for one of its own is not found
//	the leash, stopped     TERM may pass unheard; at KILL the keeper continues it, for 2 s again and again, and kills it then
//	both at one time       the command is killed; what it had started lives on, and is nobody's. Where the leash was stopped, and not
//	                       killed, the command lives on too
//
// What the last three leave, and a process that the kernel cannot kill (in uninterruptible sleep), are all that can outlive its moment. A
// program that wants to get away from its own user can: this is no sandbox.
//
// Linux alone has what this takes; elsewhere Start fails.
package leash
