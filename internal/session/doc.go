// Package session holds the words of the system: sessions, nodes, stamps, limits and the errors that every other package speaks.
//
// A session is the unit of work: a long-lived agent process that exactly one node may run. Its owner is that node; its
// epoch counts its owners and is the fencing token; its version counts all its other changes. The package knows nothing of
// Redis or HTTP and imports the standard library (and UUIDs) alone.
package session
