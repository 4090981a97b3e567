// Package peers has the nodes of a fleet watch one another, so that a killed process is found at once and not only when its
// registration ends.
//
// # Who watches whom
//
// The live nodes stand in a ring, in the order of a hash of their names. Each node watches the next three, so each is watched by
// three; in a fleet of four or fewer everybody watches everybody else. The ring follows the view: nobody agrees on it, and two
// views that differ for a moment watch a node too often or too seldom, which the end of its registration makes good.
//
// # One connection
//
// A watcher keeps one TCP connection to each peer that it watches, asks GET /readyz over it once in an interval, and reads all
// the time between: a connection that ends is seen when it ends.
//
//	the connection ended, a new one is refused   that incarnation is dead: bury it, wake the recovery
//	the connection ended, a new one is made      a server that closed an idle connection: go on
//	anything timed out, or cannot be reached     nothing is known: its registration decides
//
// The first line holds only after that very connection has carried an answer in the peer's name (X-Orchestrator-Node), and the
// new one goes to the address that the old one had: else a wrong address, or a name that now means another machine, would
// bury the living. Until the new connection has carried such an answer too, the old one's end stands: a process that ends
// closes its connections before its port as likely as after. Two things follow for whoever deploys. A node's advertised address should be
// its own, with no proxy between that may be restarted alone. And a firewall that begins to reject a node's port with resets makes it look dead.
// It costs the move of its sessions and no more: a buried node is out of the registry, and its stamps are stale.
//
// A node that ends in good order leaves the registry, and a burial of it finds nothing to do. A draining one whose port refuses is buried like
// any other: it may have been killed.
//
// A paused process keeps its connections, and its kernel goes on accepting new ones. It is never buried while it stands still; but if
// it is killed then, the connection that was kept ends, and that is seen.
//
// # Who can serve
//
// The answers also tell whether a node that beats can serve. 200 is good; a 503 of a draining node is no news; all else is
// bad: another status, no answer in time, a connection refused, another node's answer. Two bad ones in a row are a verdict. It is
// reported in each interval while it stands, for reports end by themselves, and taken back once; the registry counts
// the watchers and quarantines a node that most of them find bad. In a healthy fleet nothing is reported.
//
// A watcher that sees none of its peers serve keeps its verdicts to itself: more likely it is cut off than all of them. So
// two nodes that cannot reach one another, or a fleet whose advertised addresses lead nowhere, quarantine nobody.
//
// # What a crash leaves
//
// Nothing is kept: a watcher that dies has its connections closed, and the others its place in the ring at their next view. Its
// reports end by themselves.
package peers
