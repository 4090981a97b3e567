package keyspace

import (
	"fmt"

	"orchestrator/internal/session"
)

const (
	// CopyTags is how many tags a partition has for copies, beside its home tag.
	CopyTags = 7
	// MaxPartitions bounds the number of partitions.
	MaxPartitions = 4096
	maxPrefix     = 32
)

// Keys builds the key names of one fleet. It is immutable and safe for concurrent use.
type Keys struct {
	prefix     string
	partitions int
	tags       [][1 + CopyTags]string // by partition: home, then the copies' tags
}

// New returns the keys of the fleet named by prefix (1 to 32 letters, digits, '_', '-', '.' or ':') with the given number of
// partitions, a power of two from 1 to MaxPartitions. It fails with a *session.InvalidError.
func New(prefix string, partitions int) (*Keys, error) {
	if err := validPrefix(prefix); err != nil {
		return nil, err
	}
	if partitions < 1 || partitions > MaxPartitions || partitions&(partitions-1) != 0 {
		return nil, session.Invalid("partitions", fmt.Sprintf("is %d, must be a power of two from 1 to %d", partitions, MaxPartitions))
	}
	k := &Keys{prefix, partitions, make([][1 + CopyTags]string, partitions)}
	for p := range k.tags {
		for t := range k.tags[p] {
			k.tags[p][t] = tagAt(fmt.Sprintf("p%04d.", p), (p*Slots/partitions+t*Slots/(1+CopyTags))%Slots)
		}
	}
	return k, nil
}

func validPrefix(prefix string) error {
	if len(prefix) == 0 || len(prefix) > maxPrefix {
		return session.Invalid("prefix", fmt.Sprintf("must have 1 to %d characters", maxPrefix))
	}
	for _, c := range prefix {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':') {
			return session.Invalid("prefix", "may hold letters, digits, '_', '-', '.' and ':' only")
		}
	}
	return nil
}

// Prefix returns the fleet's prefix.
func (k *Keys) Prefix() string { return k.prefix }

// Partitions returns the number of partitions.
func (k *Keys) Partitions() int { return k.partitions }

// Partition returns the partition of a session.
func (k *Keys) Partition(id session.ID) int { return id.Partition(k.partitions) }

// HomeTag returns the hash tag of the partition's home, without braces.
func (k *Keys) HomeTag(partition int) string { return k.tags[partition][0] }

// CopyTag returns the partition's copy tag number tag, in [1, CopyTags], without braces.
func (k *Keys) CopyTag(partition, tag int) string { return k.tags[partition][tag] }

// HomeSlot and CopySlot return where those tags lie.
func (k *Keys) HomeSlot(partition int) int { return Slot(k.tags[partition][0]) }

// CopySlot returns the slot of the partition's copy tag number tag, in [1, CopyTags].
func (k *Keys) CopySlot(partition, tag int) int { return Slot(k.tags[partition][tag]) }

func (k *Keys) fleet(name string) string { return k.prefix + ":{fleet}:" + name }

func (k *Keys) at(partition, tag int, name string) string {
	return k.prefix + ":{" + k.tags[partition][tag] + "}:" + name
}
