// Package handover asks a live node to hand a session over.
//
// A live owner is moved by nobody but itself: only it can have the processes beside it stop first. So whoever wants a session elsewhere
// puts a request into the owner's list in Redis, and the owner, which looks there several times a second, does the rest. A request
// names what the session was when it was asked for (holder and epoch) and the room that was reserved for it; the owner does nothing
// where that is no longer so, and a request that is older than Patience is not looked at any more.
//
// Nothing is left for a node that is not registered, and a node that leaves takes its list along, so no list outlives its node by choice.
// A crash of the asker leaves a request that is carried out all the same; one of the owner leaves a request that nobody carries out,
// and a session that is taken over as any other of a dead node's. In both cases the reservation ends by itself.
//
// The wish to even out the load of the whole fleet is left in Redis in the same way: each node that has too much sees it.
package handover
