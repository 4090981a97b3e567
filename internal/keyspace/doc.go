// Package keyspace names every Redis key and the slot it lies in. It is pure: names in, strings out.
//
// The fleet's own keys carry the hash tag {fleet} and so share one slot. Sessions are spread over partitions; a partition's
// keys carry its home tag, such as {p0042.1k3}, and share the partition's home slot. Tags are computed, not numbered: partition
// i of P lies at slot i*16384/P, so any contiguous split of the slots gives every master its share (sequential numbers as
// tags would leave half of 8 masters idle). For copies of its sessions a partition has seven more tags, at steps of an
// eighth of the slots from home; which of them are used depends on where the masters are (see sessionstore).
package keyspace
