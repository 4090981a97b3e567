package session

import (
	"fmt"
	"strconv"
	"strings"
)

// Stamp identifies one state of a record: the number of its ownership, the number of its other changes, and the operation
// that made it. Stamps are compared as a whole; the zero Stamp stands for "no record". Two records with the same stamp hold
// the same content.
type Stamp struct {
	Epoch   uint64
	Version uint64
	Op      OpID
}

// Rank counts the changes that led to the stamp: each raises exactly one of epoch and version by one. Records are ordered
// by rank, never by epoch or version alone.
func (s Stamp) Rank() uint64 { return s.Epoch + s.Version }

// IsZero reports whether the stamp stands for an absent record.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// String returns the stamp as "epoch.version.op", or "-" for the zero stamp. It is the form that scripts compare and that
// an ETag carries.
func (s Stamp) String() string {
	if s.IsZero() {
		return "-"
	}
	return strconv.FormatUint(s.Epoch, 10) + "." + strconv.FormatUint(s.Version, 10) + "." + string(s.Op)
}

// ParseStamp reads the form that String writes.
func ParseStamp(s string) (Stamp, error) {
	if s == "-" {
		return Stamp{}, nil
	}
	parts := strings.SplitN(s, ".", 3)
	if len(parts) != 3 || parts[2] == "" {
		return Stamp{}, fmt.Errorf("stamp %q is not epoch.version.op", s)
	}
	epoch, err := strconv.ParseUint(parts[0], 10, 53)
	if err != nil {
		return Stamp{}, fmt.Errorf("stamp %q: epoch: %w", s, err)
	}
	version, err := strconv.ParseUint(parts[1], 10, 53)
	if err != nil {
		return Stamp{}, fmt.Errorf("stamp %q: version: %w", s, err)
	}
	return Stamp{epoch, version, OpID(parts[2])}, nil
}
