package events

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// position is where a reader stands in one stream: behind the entry with that id, or before it. The zero position is the beginning of a
// stream that was empty.
type position struct {
	ms, seq uint64
	before  bool
}

func (p position) zero() bool { return p.ms == 0 && p.seq == 0 }

// id is the entry's id as Redis writes it.
func (p position) id() string {
	return strconv.FormatUint(p.ms, 10) + "-" + strconv.FormatUint(p.seq, 10)
}

// compare compares the entries that two positions name.
func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.ms, q.ms), cmp.Compare(p.seq, q.seq))
}

func parseID(id string) (position, error) {
	ms, seq, _ := strings.Cut(id, "-")
	m, err := strconv.ParseUint(ms, 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("%q is no id of an entry", id)
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return position{}, fmt.Errorf("%q is no id of an entry", id)
	}
	return position{ms: m, seq: n}, nil
}

// positions are where a reader stands in all streams: those of the partitions, then that of the nodes.
type positions []position

func (ps positions) clone() positions { return slices.Clone(ps) }
