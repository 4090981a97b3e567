package session

import (
	"fmt"
	"strconv"
	"strings"
)

// LeaseValue is what a session's lease key holds: "<node>/<incarnation>/<epoch>".
func LeaseValue(h Holder, epoch uint64) string {
	return LeasePrefix(h) + strconv.FormatUint(epoch, 10)
}

// LeasePrefix is how the values of all leases of a holder begin: "<node>/<incarnation>/".
func LeasePrefix(h Holder) string { return string(h.Node) + "/" + h.Incarnation + "/" }

// ParseLease reads the form that LeaseValue writes.
func ParseLease(value string) (Holder, uint64, error) {
	parts := strings.Split(value, "/")
	if len(parts) != 3 {
		return Holder{}, 0, fmt.Errorf("lease %q is not node/incarnation/epoch", value)
	}
	node, err := ParseNodeID(parts[0])
	if err != nil {
		return Holder{}, 0, fmt.Errorf("lease %q: %w", value, err)
	}
	epoch, err := strconv.ParseUint(parts[2], 10, 53)
	if err != nil || epoch == 0 {
		return Holder{}, 0, fmt.Errorf("lease %q: epoch is not a positive number", value)
	}
	return Holder{node, parts[1]}, epoch, nil
}
