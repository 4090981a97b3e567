package session

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ID names a session: a UUID version 7 (RFC 9562) in its canonical 36-character lower-case text form.
type ID string

// NodeID names a node: 1 to 63 characters of [a-z A-Z 0-9 . _ -], starting with a letter or digit. It becomes part of
// Redis keys and of lease values, so neither braces, slashes nor blanks may appear in it.
type NodeID string

// OpID names one operation: a UUID version 7, so that operations are ordered by the time of their first receipt.
type OpID string

// NewID returns a fresh session id born at now. Born tells milliseconds; ids of one clock are in order to a quarter of a microsecond.
func NewID(now time.Time) ID { return ID(newV7(now).String()) }

// NewOpID returns a fresh operation id born at now, as NewID does a session's.
func NewOpID(now time.Time) OpID { return OpID(newV7(now).String()) }

// ParseID checks s and returns it as an ID. It fails with an *InvalidError that names the field "id".
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s || u.Version() != 7 {
		return "", Invalid("id", "must be a UUID version 7 in lower case, such as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	return ID(s), nil
}

// ParseNodeID checks s and returns it as a NodeID. It fails with an *InvalidError that names the field "node".
func ParseNodeID(s string) (NodeID, error) {
	if len(s) == 0 || len(s) > MaxNodeID {
		return "", Invalid("node", fmt.Sprintf("must have 1 to %d characters", MaxNodeID))
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return "", Invalid("node", "may hold letters, digits, '.', '_' and '-' only, and must start with a letter or digit")
		}
	}
	return NodeID(s), nil
}

// Born returns the moment the id was made, as its first 48 bits tell it (Unix milliseconds).
func (id ID) Born() time.Time { return born(string(id)) }

// Born returns the moment the operation was first received.
func (op OpID) Born() time.Time { return born(string(op)) }

// Partition returns the id's partition in [0, partitions); partitions is a power of two up to 65536. It is read from the
// id's last two bytes, so that ids can be drawn for a wanted partition (InPartition).
func (id ID) Partition(partitions int) int {
	u, err := uuid.Parse(string(id))
	if err != nil {
		return 0
	}
	return int(binary.BigEndian.Uint16(u[14:])) & (partitions - 1)
}

// InPartition returns id with its last bits set so that Partition(partitions) is partition.
func (id ID) InPartition(partition, partitions int) ID {
	u, err := uuid.Parse(string(id))
	if err != nil {
		return id
	}
	tail := int(binary.BigEndian.Uint16(u[14:]))
	binary.BigEndian.PutUint16(u[14:], uint16(tail&^(partitions-1)|partition))
	return ID(u.String())
}

// newV7 keeps the part of a millisecond in the twelve bits behind it (RFC 9562, section 6.2, method 3), so that what one
// clock makes one after the other is in order.
func newV7(now time.Time) uuid.UUID {
	u := uuid.New()
	ms, part := uint64(now.UnixMilli()), int64(now.Nanosecond())%int64(time.Millisecond)<<12/int64(time.Millisecond)
	u[0], u[1], u[2], u[3], u[4], u[5] = byte(ms>>40), byte(ms>>32), byte(ms>>24), byte(ms>>16), byte(ms>>8), byte(ms)
	u[6], u[7] = 0x70|byte(part>>8), byte(part)
	return u
}

func born(s string) time.Time {
	u, err := uuid.Parse(s)
	if err != nil {
		return time.Time{}
	}
	var ms uint64
	for _, b := range u[:6] {
		ms = ms<<8 | uint64(b)
	}
	return time.UnixMilli(int64(ms)).UTC()
}
