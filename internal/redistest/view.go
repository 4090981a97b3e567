package redistest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// member is one line of CLUSTER NODES: what one node believes of another.
type member struct {
	id     string
	addr   string
	flags  []string
	master string // id of its master, "-" for a master
	epoch  int64
	slots  [][2]int // inclusive ranges
}

func (m member) is(flag string) bool { return slices.Contains(m.flags, flag) }

func (m member) owns(slot int) bool {
	return slices.ContainsFunc(m.slots, func(r [2]int) bool { return r[0] <= slot && slot <= r[1] })
}

// view is the cluster as one node sees it.
type view []member

// self is the node that was asked.
func (v view) self() member {
	for _, m := range v {
		if m.is("myself") {
			return m
		}
	}
	return member{}
}

// shape is what all nodes of a settled cluster must agree on.
func (v view) shape() string {
	lines := make([]string, 0, len(v))
	for _, m := range v {
		lines = append(lines, fmt.Sprint(m.id, m.master, m.slots))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// view asks the node how it sees the cluster.
func (n *Node) view(ctx context.Context) (view, error) {
	client := redis.NewClient(n.options())
	defer client.Close()
	text, err := client.ClusterNodes(ctx).Result()
	if err != nil {
		return nil, err
	}
	return parseView(text)
}

func parseView(text string) (view, error) {
	var v view
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 {
			return nil, fmt.Errorf("CLUSTER NODES: line %q", line)
		}
		addr, _, _ := strings.Cut(f[1], "@")
		epoch, err := strconv.ParseInt(f[6], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("CLUSTER NODES: epoch: %w", err)
		}
		v = append(v, member{
			id: f[0], addr: addr, flags: strings.Split(f[2], ","), master: f[3], epoch: epoch, slots: parseSlots(f[8:]),
		})
	}
	return v, nil
}

// parseSlots reads "0-5460" and "7"; a slot on its way, "[7->-id]", still
// belongs to whoever lists it plainly.
func parseSlots(fields []string) [][2]int {
	var ranges [][2]int
	for _, f := range fields {
		from, to, ok := strings.Cut(f, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			continue
		}
		last := first
		if ok {
			last, _ = strconv.Atoi(to)
		}
		ranges = append(ranges, [2]int{first, last})
	}
	return ranges
}
