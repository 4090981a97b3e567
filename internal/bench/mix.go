package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Op is one kind of request.
type Op int

// The operations. Those of a list select by two filters, a status and a label, which one session in ten has.
const (
	Create   Op = iota // make one session
	Read               // read one, linearizable
	Eventual           // read one with consistency=eventual
	Patch              // change one label of one
	List               // a page of up to ListPage
	Batch              // make Config.Batch at once
	Delete             // end one that a load has made
	ops
)

// ListPage is how many sessions a list asks for.
const ListPage = 100

var opNames = [ops]string{"create", "read", "eventual", "patch", "list", "batch", "delete"}

func (o Op) String() string { return opNames[o] }

// maxWeight bounds a weight of a mix.
const maxWeight = 1_000_000

// Mix says how often each operation is chosen, relative to the others.
type Mix [ops]int

// Only is a mix of one operation.
func Only(o Op) (m Mix) {
	m[o] = 1
	return m
}

// ParseMix reads weights such as "create=10,read=80,patch=10"; what is not named has none. A weight is a whole number from 0 to 1,000,000.
func ParseMix(s string) (Mix, error) {
	var m Mix
	var given [ops]bool
	for part := range strings.SplitSeq(s, ",") {
		name, weight, ok := strings.Cut(strings.TrimSpace(part), "=")
		op := Op(slices.Index(opNames[:], name))
		if !ok || op < 0 {
			return Mix{}, &ValueError{"mix", s, "be weights such as create=10,read=80,patch=10 of " + strings.Join(opNames[:], ", ")}
		}
		n, err := strconv.Atoi(weight)
		if err != nil || n < 0 || n > maxWeight {
			return Mix{}, &ValueError{"mix", s, fmt.Sprintf("give %s a whole number from 0 to %d", name, maxWeight)}
		}
		if given[op] {
			return Mix{}, &ValueError{"mix", s, "name " + name + " once"}
		}
		m[op], given[op] = n, true
	}
	if m.total() == 0 {
		return Mix{}, &ValueError{"mix", s, "give at least one operation a weight above 0"}
	}
	return m, nil
}

// String writes the mix as [ParseMix] reads it, without what has no weight.
func (m Mix) String() string {
	var parts []string
	for op, weight := range m {
		if weight > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", Op(op), weight))
		}
	}
	return strings.Join(parts, ",")
}

// MarshalText writes it so in JSON.
func (m Mix) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m Mix) total() (sum int) {
	for _, weight := range m {
		sum += weight
	}
	return sum
}

func (m Mix) has(some ...Op) bool {
	return slices.ContainsFunc(some, func(o Op) bool { return m[o] > 0 })
}

func (m Mix) choose(r *rand.Rand) Op {
	at := r.IntN(m.total())
	for op, weight := range m {
		if at -= weight; at < 0 {
			return Op(op)
		}
	}
	return Create // not reached: the weights sum up to the total
}
