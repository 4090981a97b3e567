package chaos

import (
	"slices"
	"testing"
	"time"
)

func bornFast() Op {
	o := born()
	o.Fast = true
	return o
}

var allTheTime = []span{{0, time.Hour}}

// rolledBack are calls whose answers tell that the first, a write, was lost after it had been acknowledged.
var rolledBack = map[string][]Op{
	"a write":                  {write(10, 11, "v1", saw(1, 1, "b", "n1", "v1")), look(12, 13, saw(1, 0, "a", "n1", "v0")), write(14, 15, "v2", saw(1, 1, "c", "n1", "v2"))},
	"a write before a message": {write(10, 11, "v1", saw(1, 1, "b", "n1", "v1")), said(12, 13, m1), look(14, 15, saw(2, 1, "t", "n2", "v0"))},
	"a write of a holder that was fenced": {at(10, 11, Op{Kind: Patch, Value: "v1", Epoch: 1, Seen: saw(1, 1, "b", "n1", "v1")}), look(12, 13, saw(2, 0, "t", "n2", "v0")),
		write(14, 15, "v2", saw(2, 1, "c", "n2", "v2"))},
	"a write, and one on the condition that it stands": {write(10, 11, "v1", saw(1, 1, "b", "n1", "v1")), look(12, 13, saw(1, 0, "a", "n1", "v0")),
		at(14, 15, Op{Kind: Patch, Value: "v2", IfMatch: `"1.1.b"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Change: "a"}})},
	"a message":                     {said(10, 11, m1), page(12, 13, ""), said(14, 15, message(1, "m2", 1)), page(16, 17, "", message(1, "m2", 1))},
	"a message that was sent again": {said(10, 11, m1), said(12, 13, message(1, "m2", 1)), again(14, 15, said(0, 0, message(2, "m1", 1)))},
	"a context":                     {first(10, 11, "c1", known(1, 1, "b", "c1")), none(12, 13), first(14, 15, "c2", known(1, 1, "c", "c2"))},
	"a context, unseen":             {first(10, 11, "c1", known(1, 1, "b", "c1")), first(14, 15, "c2", known(1, 1, "c", "c2"))},
}

// A fast session may lose what nobody else was told of, and only where a master forgot something.
func TestWhatAFastSessionMayLose(t *testing.T) {
	t.Parallel()
	loss := []span{{9 * time.Millisecond, 11 * time.Millisecond}}
	elsewhere := []span{{0, 9 * time.Millisecond}, {16 * time.Millisecond, time.Second}}
	for name, ops := range rolledBack {
		seen := ops[0]
		seen.Client, seen.Call, seen.Repeat = 1, seen.Return, true
		switch seen.Kind {
		case Patch:
			seen.Kind = Read
		case PutContext:
			seen.Kind, seen.Seen = GetContext, nil
		}
		for _, c := range []struct {
			what   string
			ops    []Op
			losses []span
			good   bool
		}{
			{"lost with a master", append([]Op{bornFast()}, ops...), loss, true},
			{"lost by itself", append([]Op{bornFast()}, ops...), nil, false},
			{"lost at another time", append([]Op{bornFast()}, ops...), elsewhere, false},
			{"lost, and not fast", append([]Op{born()}, ops...), loss, false},
			{"lost after others saw it", append([]Op{bornFast(), seen}, ops...), loss, false},
		} {
			told, _ := excused(c.ops, c.losses)
			if found, _ := checkHistory(told, false); (len(found) == 0) != c.good {
				t.Errorf("%s, %s: found %v", name, c.what, found)
			}
		}
	}
}

// What home had must stay: a write was acknowledged on top of it.
func TestWhatAFastSessionMayNotLose(t *testing.T) {
	t.Parallel()
	for name, ops := range map[string][]Op{
		"two writes":   {write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")), write(4, 5, "v2", saw(1, 2, "c", "n1", "v2")), look(6, 7, saw(1, 0, "a", "n1", "v0"))},
		"two messages": {said(2, 3, m1), said(4, 5, m2), page(6, 7, "")},
		"two contexts": {first(2, 3, "c1", known(1, 1, "b", "c1")), put(4, 5, "c2", "", known(1, 2, "c", "c2")), none(6, 7)},
		"a context under a write": {first(2, 3, "c1", known(1, 1, "b", "c1")), write(4, 5, "v1", saw(1, 2, "c", "n1", "v1")), look(6, 7, saw(1, 2, "c", "n1", "v1")),
			none(8, 9)},
	} {
		told, _ := excused(append([]Op{bornFast()}, ops...), allTheTime)
		if found, _ := checkHistory(told, false); len(found) == 0 {
			t.Errorf("%s were lost, and nobody found out", name)
		}
	}
}

// Where nothing was lost nothing is excused, and what was found is found.
func TestNothingIsExcusedInVain(t *testing.T) {
	t.Parallel()
	for _, all := range []map[string][]Op{good, goodTalks, goodContexts} {
		for name, ops := range all {
			ops = slices.Clone(ops)
			ops[0].Fast = true
			told, unsure := excused(ops, allTheTime)
			if found, _ := checkHistory(told, false); len(found) > 0 || len(unsure) > 0 {
				t.Errorf("%s: excused %v, found %v", name, unsure, found)
			}
		}
	}
}

// A write on the condition that another stands tells of that.
func TestAConditionThatHeldIsTold(t *testing.T) {
	t.Parallel()
	ops := []Op{bornFast(), write(10, 11, "v1", saw(1, 1, "b", "n1", "v1")), at(12, 13, Op{Kind: Patch, Value: "v2", IfMatch: `"1.1.b"`, Outcome: Unknown}),
		look(14, 15, saw(1, 2, "c", "n1", "v2")), look(16, 17, saw(1, 0, "a", "n1", "v0"))}
	if _, unsure := excused(ops, allTheTime); len(unsure) > 0 {
		t.Errorf("excused: %v", unsure)
	}
}

// Redis's own loss of a slot excuses that the store is said to be away, and nothing else.
func TestALostSlotIsNoticed(t *testing.T) {
	t.Parallel()
	away := Op{Kind: List, Outcome: Unknown, Status: 503, Code: codeUnavailable}
	ops := []Op{away, {Kind: List, Outcome: Unknown, Status: 500, Code: "internal"}, {Kind: Read, Outcome: Unknown}, {Kind: Read, Outcome: OK}}
	if n, m := len(noticed(ops, false)), len(noticed(ops, true)); n != 3 || m != 2 {
		t.Errorf("%d without a lost slot, %d with one", n, m)
	}
}
