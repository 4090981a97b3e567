package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

// message is one that an answer tells: its position, what it says, and the session's epoch then.
func message(position int, value string, epoch uint64) Message {
	return Message{fmt.Sprintf("%d-%s", position, value), value, epoch}
}

// said is a publish that was answered with what was published.
func said(call, ret int, m Message) Op {
	return at(call, ret, Op{Kind: Publish, Value: m.Value, Page: []Message{m}, Seen: &State{Epoch: m.Epoch}})
}

// page is an answer to a read that may hold 20.
func page(call, ret int, after string, page ...Message) Op {
	return at(call, ret, Op{Kind: Messages, Limit: pageLimit, After: after, Page: page})
}

// hears is one event of a stream.
func hears(when int, after string, m Message) Op {
	return at(when, when, Op{Kind: Follow, After: after, Page: []Message{m}})
}

func unsure(call, ret int, value string) Op {
	return at(call, ret, Op{Kind: Publish, Value: value, Outcome: Unknown})
}

// again is the same call sent again, under a key, with another answer.
func again(call, ret int, o Op) Op {
	o.Repeat, o.Key, o.Seen = true, o.Value, nil
	return at(call, ret, o)
}

func stale(o Op, epoch, is uint64) Op {
	o.Epoch, o.Seen, o.Page = epoch, &State{Epoch: is, Owner: "n" + fmt.Sprint(is)}, nil
	return refusedBy(codeStale, o)
}

var m1, m2, m3 = message(1, "m1", 1), message(2, "m2", 1), message(3, "m3", 1)

var goodTalks = map[string][]Op{
	"one after the other": {born(), said(2, 3, m1), said(4, 5, m2), page(6, 7, "", m1, m2), page(6, 7, m1.ID, m2), page(8, 9, m2.ID)},
	"two at once":         {born(), said(2, 9, m2), said(3, 8, m1), page(10, 11, "", m1, m2)},
	"an unknown one that was": {born(), unsure(2, 3, "m1"), page(4, 5, ""), said(6, 7, m2),
		page(8, 9, "", m1, m2)},
	"an unknown one that was not":   {born(), unsure(2, 3, "m0"), said(4, 5, m1), page(6, 7, "", m1)},
	"sent again until it was known": {born(), unsure(2, 3, "m1"), again(4, 5, said(0, 0, m1)), again(6, 7, said(0, 0, m1)), page(8, 9, "", m1)},
	"sent again in another epoch":   {born(), unsure(2, 3, "m1"), look(4, 5, saw(2, 0, "t", "n2", "v0")), again(6, 7, said(0, 0, m1)), page(8, 9, "", m1)},
	"applied, and refused when it was sent again": {born(), at(2, 3, Op{Kind: Publish, Value: "m1", Epoch: 1, Outcome: Unknown}),
		look(4, 5, saw(2, 0, "t", "n2", "v0")),
		stale(again(6, 7, said(0, 0, m1)), 1, 2), page(8, 9, "", m1)},
	"refused to a holder of the past":                   {born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), stale(said(4, 5, m1), 1, 2), page(6, 7, "")},
	"heard while it is not yet acknowledged":            {born(), said(2, 9, m1), hears(4, "", m1), page(5, 6, "", m1)},
	"a page that is behind what is published meanwhile": {born(), said(2, 4, m1), page(3, 9, "")},
	"a full page": {born(), said(2, 3, m1), said(2, 3, m2), at(4, 5, Op{Kind: Messages, Limit: 1, Page: []Message{m1}})},
	"gone with its session": {born(), said(2, 3, m1), at(4, 5, Op{Kind: Delete}), refusedBy(codeAbsent, page(6, 7, "")),
		refusedBy(codeAbsent, unsure(6, 7, "m2")),
		refusedBy(codeAbsent, at(8, 9, Op{Kind: Follow}))},
	"a version that only messages explain": {born(), said(2, 3, m1), said(4, 5, m2), look(6, 7, saw(1, 0, "a", "n1", "v0")),
		write(8, 9, "v1", saw(1, 3, "b", "n1", "v1"))},
	"messages that a takeover shows": {born(), said(2, 3, m1), look(4, 5, saw(2, 1, "t", "n2", "v0")), write(6, 7, "v1", saw(2, 2, "b", "n2", "v1"))},
	"a condition that holds across a message": {born(), said(2, 3, m1),
		at(4, 5, Op{Kind: Patch, Value: "v1", IfMatch: `"1.0.a"`, Seen: saw(1, 2, "b", "n1", "v1")})},
	"a stamp of an unknown write": {born(), said(2, 3, m1), open(2, 3, "v1"),
		at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 2, Change: "b"}}),
		said(6, 7, m2), look(8, 9, saw(2, 3, "t", "n2", "v1"))},
	"a write told a later epoch than a refusal": {born(), said(2, 3, m1), write(4, 9, "v1", saw(2, 3, "t", "n2", "v1")),
		at(5, 6, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 2, Change: "b"}}), said(7, 8, m2)},
	"a stamp of an unknown write that nobody saw": {born(), said(2, 3, m1), open(2, 3, "v1"), open(2, 3, "v3"),
		at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 2, Change: "b"}}),
		write(6, 7, "v4", saw(1, 3, "c", "n1", "v4"))},
}

var badTalks = map[string]struct {
	promise string
	ops     []Op
}{
	"an acknowledged one is lost": {NothingLost, []Op{born(), said(2, 3, m1), page(4, 5, "")}},
	"the last ones are lost":      {NothingLost, []Op{born(), said(2, 3, m1), said(4, 5, m2), page(6, 7, m1.ID)}},
	"one that was read is lost":   {NothingLost, []Op{born(), unsure(2, 3, "m1"), page(4, 5, "", m1), page(6, 7, "")}},
	"one that was heard is lost":  {NothingLost, []Op{born(), unsure(2, 3, "m1"), hears(4, "", m1), page(6, 7, "")}},
	"one took another's place":    {NothingLost, []Op{born(), said(2, 3, m1), said(4, 5, message(1, "m2", 1))}},
	"one changed its id":          {NothingLost, []Op{born(), said(2, 3, m1), page(4, 5, "", Message{"1-x", "m1", 1})}},
	"a page with a gap":           {NothingLost, []Op{born(), said(2, 3, m1), said(2, 3, m2), said(2, 3, m3), page(4, 5, "", m1, m3)}},
	"a page that begins too late": {NothingLost, []Op{born(), said(2, 3, m1), said(4, 5, m2), page(6, 7, "", m2)}},
	"a stream with a gap":         {NothingLost, []Op{born(), said(2, 3, m1), said(2, 3, m2), said(2, 3, m3), hears(4, "", m1), hears(5, m1.ID, m3)}},
	"a stream that goes back": {NothingLost, []Op{born(), said(2, 3, m1), said(2, 3, m2), hears(4, "", m1), hears(5, m1.ID, m2),
		hears(6, m2.ID, m2)}},
	"a cursor that is gone":           {NothingLost, []Op{born(), said(2, 3, m1), refusedBy("cursor-gone", page(4, 5, m1.ID))}},
	"a stream whose cursor is gone":   {NothingLost, []Op{born(), said(2, 3, m1), refusedBy("cursor-gone", hears(4, m1.ID, m1))}},
	"published twice":                 {AtMostOnce, []Op{born(), said(2, 3, m1), page(4, 5, "", m1, message(2, "m1", 1))}},
	"an unknown one is there twice":   {AtMostOnce, []Op{born(), unsure(2, 3, "m1"), page(4, 5, "", m1, message(2, "m1", 1))}},
	"sent again, and published again": {AtMostOnce, []Op{born(), said(2, 3, m1), again(4, 5, said(0, 0, message(2, "m1", 1)))}},
	"refused, and there":              {AtMostOnce, []Op{born(), refusedBy("idempotency-mismatch", unsure(2, 3, "m1")), page(4, 5, "", m1)}},
	"refused for the epoch, and there": {Fenced, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), stale(said(4, 5, m1), 1, 2),
		page(6, 7, "", message(1, "m1", 2))}},
	"published by a holder of the past":   {Fenced, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), at(4, 5, holder(said(0, 0, m1), 1))}},
	"published as another epoch's holder": {Fenced, []Op{born(), at(4, 5, holder(said(0, 0, message(1, "m1", 2)), 1))}},
	"an epoch before an earlier one's":    {Fenced, []Op{born(), said(2, 9, message(1, "m1", 2)), said(2, 9, message(2, "m2", 1))}},
	"an epoch of the past":                {OneOwner, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), said(4, 5, m1)}},
	"later, and before":                   {Linearizable, []Op{born(), said(2, 3, m2), said(4, 5, m1)}},
	"later than it was read, and before":  {Linearizable, []Op{born(), unsure(2, 9, "m2"), hears(3, "", m2), said(4, 5, m1)}},
	"out of nowhere":                      {Linearizable, []Op{born(), page(2, 3, "", m1)}},
	"heard before it was published":       {Linearizable, []Op{born(), hears(2, "", m1), said(4, 5, m1)}},
	"refused for no reason":               {Linearizable, []Op{born(), refusedBy("idempotency-mismatch", unsure(2, 3, "m1"))}},
	"refused though it held the session":  {Linearizable, []Op{born(), stale(said(2, 3, m1), 1, 1)}},
	"told another message":                {Linearizable, []Op{born(), said(2, 3, m1), at(4, 5, Op{Kind: Publish, Value: "m2", Page: []Message{m1}})}},
	"published in what is gone":           {Linearizable, []Op{born(), at(2, 3, Op{Kind: Delete}), said(4, 5, m1)}},
	"read in what is gone":                {Linearizable, []Op{born(), at(2, 3, Op{Kind: Delete}), page(4, 5, "")}},
	"gone, and read":                      {Linearizable, []Op{born(), refusedBy(codeAbsent, page(2, 3, "")), page(4, 5, "")}},
	"more versions than changes":          {AtMostOnce, []Op{born(), said(2, 3, m1), write(4, 5, "v1", saw(1, 3, "b", "n1", "v1"))}},
	"a version that rose by itself":       {AtMostOnce, []Op{born(), said(2, 3, m1), look(4, 5, saw(1, 1, "b", "n1", "v0"))}},
	"a write is lost beside messages": {NothingLost, []Op{born(), said(2, 3, m1), write(4, 5, "v1", saw(1, 2, "b", "n1", "v1")),
		look(6, 7, saw(1, 0, "a", "n1", "v0"))}},
	"a write is lost by a takeover": {Linearizable, []Op{born(), said(2, 3, m1), write(4, 5, "v1", saw(1, 2, "b", "n1", "v1")), said(6, 7, m2),
		look(8, 9, saw(2, 3, "t", "n2", "v0"))}},
}

func holder(o Op, epoch uint64) Op {
	o.Epoch = epoch
	return o
}

func TestGoodTalksPass(t *testing.T) {
	t.Parallel()
	for name, ops := range goodTalks {
		if found, _ := checkHistory(ops, false); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestBadTalksAreFound(t *testing.T) {
	t.Parallel()
	for name, b := range badTalks {
		found, _ := checkHistory(b.ops, false)
		if !slices.ContainsFunc(found, func(v Violation) bool { return v.Promise == b.promise }) {
			t.Errorf("%s: %q is not among %v", name, b.promise, found)
		}
	}
}

// Nor does the search for an order of the session's own history take what happens beside it for more than it is.
func TestTheModelAloneIsStrictBesideMessages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"an epoch of the past", "a version that rose by itself", "read in what is gone", "published in what is gone",
		"a write is lost beside messages", "a write is lost by a takeover"} {
		s, _ := tell("s", badTalks[name].ops, false)
		if p := s.search().run(); p.result != porcupine.Illegal {
			t.Errorf("%s: the search says %s", name, p.result)
		}
	}
}

func TestAListenerHearsTheLast(t *testing.T) {
	t.Parallel()
	ops := []Op{said(2, 3, m1), said(4, 5, m2)}
	for heard, wrong := range map[string]bool{m2.ID: false, m1.ID: true} {
		var found findings
		l := &listener{session: "s", heard: heard}
		if l.check(ops, &found, 0); len(found) > 0 != wrong {
			t.Errorf("who heard %s: %v", heard, found)
		}
	}
}

// A run that failed is read by people: they see what was published, under which key and epoch, and what came of it.
func TestTheTimelineShowsMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   Op
		want string
	}{
		{again(2, 3, holder(said(0, 0, m1), 1)), "publish s =m1 key m1 again as holder of epoch 1 at node-1 -> ok [1-m1 m1 epoch 1]"},
		{page(2, 3, m1.ID, m2), "messages s after 1-m1 at node-1 -> ok [2-m2 m2 epoch 1]"},
		{put(2, 3, "x1", "", known(1, 1, "a", "x1")), `put context s =x1 at node-1 -> ok 204  (context "1.1.a" "x1")`},
	} {
		c.op.Seen = nil
		if got := strings.TrimSpace(c.op.String()); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
