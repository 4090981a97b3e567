package keyspace

import "orchestrator/internal/session"

// Meta is the hash of what all nodes must agree on: schema, partitions, replicationFactor, and secret.
func (k *Keys) Meta() string { return k.fleet("meta") }

// Nodes is the sorted set of registered nodes by the end of their registration (Redis TIME, milliseconds).
func (k *Keys) Nodes() string { return k.fleet("nodes") }

// Node is the hash of one node's registration; it has the registration's TTL.
func (k *Keys) Node(id session.NodeID) string { return k.fleet("node:" + string(id)) }

// Incarnations is the hash of each registered node's current incarnation; unlike Node it outlives the registration.
func (k *Keys) Incarnations() string { return k.fleet("incarnations") }

// Dead is the sorted set of "node/incarnation" whose sessions are being recovered, by the time they were found dead.
func (k *Keys) Dead() string { return k.fleet("dead") }

// Deaths is the sorted set of "node/incarnation" that was declared dead within the last heartbeat timeout, by when that was (Redis
// TIME, milliseconds). Unlike Dead it keeps those that have been recovered since.
func (k *Keys) Deaths() string { return k.fleet("deaths") }

// Brake is there while the brake holds: more than half of the nodes were gone at once within the last heartbeat timeout.
func (k *Keys) Brake() string { return k.fleet("brake") }

// Verdicts is the hash of what the peers of a node hold against it: watcher to end, incarnation and reason.
func (k *Keys) Verdicts(id session.NodeID) string { return k.fleet("verdicts:" + string(id)) }

// Recovery is the hash of what has been recovered of one dead holder, a field a partition.
func (k *Keys) Recovery(h session.Holder) string {
	return k.fleet("recovery:" + string(h.Node) + "/" + h.Incarnation)
}

// FleetEvents is the stream of what happened to nodes, the oldest of it dropped.
func (k *Keys) FleetEvents() string { return k.fleet("events") }

// Load is the sorted set of live session counts by node: the balancer's whole view.
func (k *Keys) Load() string { return k.fleet("load") }

// Reservations is the hash of placements under way: attempt to node.
func (k *Keys) Reservations() string { return k.fleet("reservations") }

// Reserved is the sorted set of one node's placements under way, by deadline (Redis TIME, milliseconds).
func (k *Keys) Reserved(id session.NodeID) string { return k.fleet("reserved:" + string(id)) }

// Moves is the hash of how often each node's count was changed; a correction compares it.
func (k *Keys) Moves() string { return k.fleet("moves") }

// Turn is the round-robin strategy's counter.
func (k *Keys) Turn() string { return k.fleet("turn") }

// Handover is the list of requests that a node hand sessions over, by when they were left.
func (k *Keys) Handover(id session.NodeID) string { return k.fleet("handover:" + string(id)) }

// Rebalance stands while somebody wishes that the load be evened out, and names who.
func (k *Keys) Rebalance() string { return k.fleet("rebalance") }
