// Package chaos holds the built program to its promises while nodes and Redis servers die, stop, part and come back.
//
// A run is a fleet of three nodes on real Redis, clients that read and change a few sessions through all nodes, and a nemesis. Each
// client notes every call: when it began and ended, what it asked, and whether the answer says that it was done, that it was not, or
// neither. Afterwards the notes are held against the promises, most of them session by session: the order of its versions, one owner
// for each epoch, no write of a stale holder, and an order of all calls that explains every answer, which porcupine searches for. The
// fleet itself is asked, too: are counts, leases and places right again?
//
// Every other session talks: clients publish messages of it, read them in pages and follow them, and write its context. Messages are a list that
// only grows, of which each answer tells a part; the context is a register with a history of its own. Both raise the session's version and do
// not show it, so that the session's own history is held to a little less there: see unshown.
//
// Some sessions are fast. Where a master forgot something, what was acknowledged of them last may be lost: see excused. All else holds for them, too.
//
// What goes wrong, and what clients choose, is drawn from a seed that is printed first; how the machine's threads interleave is not.
// A run that fails is saved: the history, a timeline in which faults and the nodes' own logs stand between the calls, and a picture of
// the session that has no order.
//
// A suite that cannot fail proves nothing: TestControls builds the program with one guard after the other taken out, and fails
// unless the suite finds out.
package chaos
