package keyspace

import "orchestrator/internal/session"

// Meta is the hash of what all nodes must agree on: schema, partitions, replicationFactor.
func (k *Keys) Meta() string { return k.fleet("meta") }

// Nodes is the sorted set of registered nodes by the end of their registration (Redis TIME, milliseconds).
func (k *Keys) Nodes() string { return k.fleet("nodes") }

// Node is the hash of one node's registration; it has the registration's TTL.
func (k *Keys) Node(id session.NodeID) string { return k.fleet("node:" + string(id)) }

// Incarnations is the hash of each registered node's current incarnation; unlike Node it outlives the registration.
func (k *Keys) Incarnations() string { return k.fleet("incarnations") }

// Dead is the sorted set of "node/incarnation" whose sessions are being recovered, by the time they were found dead.
func (k *Keys) Dead() string { return k.fleet("dead") }

// Recovery is the hash of what has been recovered of one dead holder, a field a partition.
func (k *Keys) Recovery(h session.Holder) string {
	return k.fleet("recovery:" + string(h.Node) + "/" + h.Incarnation)
}

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
