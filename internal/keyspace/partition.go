package keyspace

import "orchestrator/internal/session"

// Session is the hash that is a session's home record.
func (k *Keys) Session(id session.ID) string { return k.at(k.Partition(id), 0, "session:"+string(id)) }

// Copy is the hash that is a session's copy at the partition's copy tag number tag, in [1, CopyTags].
func (k *Keys) Copy(id session.ID, tag int) string {
	return k.at(k.Partition(id), tag, "copy:"+string(id))
}

// Messages is the stream of a session's messages beside its record: home's (tag 0), or a copy's at the partition's copy tag number tag.
func (k *Keys) Messages(id session.ID, tag int) string {
	return k.at(k.Partition(id), tag, "messages:"+string(id))
}

// Published is the hash beside a session's messages at home by which idempotency keys are found among them.
func (k *Keys) Published(id session.ID) string {
	return k.at(k.Partition(id), 0, "published:"+string(id))
}

// Context is the string that holds a session's context beside its record: home's (tag 0), or a copy's at the partition's copy tag number tag.
func (k *Keys) Context(id session.ID, tag int) string {
	return k.at(k.Partition(id), tag, "context:"+string(id))
}

// Lease is the string with a TTL that says who may act for the session: node/incarnation/epoch.
func (k *Keys) Lease(id session.ID) string { return k.at(k.Partition(id), 0, "lease:"+string(id)) }

// Owned is the sorted set of the sessions that a node owns in a partition, in id order.
func (k *Keys) Owned(partition int, node session.NodeID) string {
	return k.at(partition, 0, "owned:"+string(node))
}

// Owners is the set of the nodes that own or owned sessions of a partition: the nodes whose Owned set may exist.
func (k *Keys) Owners(partition int) string { return k.at(partition, 0, "owners") }

// Index is the sorted set of a partition's session ids, all with score 0 and so in id order. Tombstones are not in it.
func (k *Keys) Index(partition int) string { return k.at(partition, 0, "index") }

// Expiry is the sorted set of a partition's session ids by the end of their life (Unix milliseconds).
func (k *Keys) Expiry(partition int) string { return k.at(partition, 0, "expiry") }

// Tombstones is the sorted set of a partition's deleted session ids by the time home's tombstone was written.
func (k *Keys) Tombstones(partition int) string { return k.at(partition, 0, "tombstones") }

// Events is the stream of what happened to the partition's sessions, the oldest of it dropped.
func (k *Keys) Events(partition int) string { return k.at(partition, 0, "events") }

// Copies is the sorted set of the session ids whose copy lies at the partition's copy tag number tag, in id order.
func (k *Keys) Copies(partition, tag int) string { return k.at(partition, tag, "copies") }

// Idempotency is the hash that remembers, under the digest of an idempotency key, which session was made for it.
func (k *Keys) Idempotency(partition int, digest string) string {
	return k.at(partition, 0, "idempotency:"+digest)
}

// IdempotencyCopy is the copy of Idempotency at the partition's copy tag number tag, in [1, CopyTags].
func (k *Keys) IdempotencyCopy(partition, tag int, digest string) string {
	return k.at(partition, tag, "idempotency-copy:"+digest)
}
