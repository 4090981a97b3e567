package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// told by hand: call and return in milliseconds, and what was answered.
func at(call, ret int, o Op) Op {
	o.Session, o.Node = "s", "node-1"
	o.Call, o.Return = time.Duration(call)*time.Millisecond, time.Duration(ret)*time.Millisecond
	if o.Outcome == "" {
		o.Outcome = OK
	}
	return o
}

func saw(epoch, version uint64, change, owner, value string) *State {
	return &State{Epoch: epoch, Version: version, Change: change, Owner: owner, Value: value, Whole: true}
}

func born() Op { return at(0, 1, Op{Kind: Create, Value: "v0", Seen: saw(1, 0, "a", "n1", "v0")}) }

func write(call, ret int, value string, seen *State) Op {
	return at(call, ret, Op{Kind: Patch, Value: value, Seen: seen})
}

func look(call, ret int, seen *State) Op { return at(call, ret, Op{Kind: Read, Seen: seen}) }

func refusedBy(code string, o Op) Op {
	o.Outcome, o.Code = No, code
	return o
}

func open(call, ret int, value string) Op {
	return at(call, ret, Op{Kind: Patch, Value: value, Outcome: Unknown})
}

// good histories must pass: a checker that cries wolf is as useless as one that sleeps.
var good = map[string][]Op{
	"writes one after the other": {born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")), look(4, 5, saw(1, 1, "b", "n1", "v1"))},
	"overlapping writes in the order of their versions": {born(),
		write(2, 9, "v1", saw(1, 2, "c", "n1", "v1")), write(2, 9, "v2", saw(1, 1, "b", "n1", "v2")), look(10, 11, saw(1, 2, "c", "n1", "v1"))},
	"a node took it over by itself": {born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), write(4, 5, "v1", saw(2, 1, "b", "n2", "v1"))},
	"an unknown write that was":     {born(), open(2, 3, "v1"), look(4, 5, saw(1, 0, "a", "n1", "v0")), look(6, 7, saw(1, 1, "b", "n1", "v1"))},
	"an unknown write that was not": {born(), open(2, 3, "v1"), write(4, 5, "v2", saw(1, 1, "b", "n1", "v2")), look(6, 7, saw(1, 1, "b", "n1", "v2"))},
	"an unknown write that nobody saw, in a gap": {born(), open(2, 3, "v1"), open(2, 3, "v3"),
		write(4, 5, "v2", saw(1, 2, "c", "n1", "v2"))},
	"a write told a later state": {born(), write(2, 9, "v1", saw(1, 2, "c", "n1", "v2")), write(3, 9, "v2", saw(1, 2, "c", "n1", "v2"))},
	"a write on a condition, told a later epoch": {born(), at(2, 9, Op{Kind: Patch, Value: "v1", IfMatch: `"1.0.a"`, Seen: saw(2, 1, "t", "n2", "v1")}),
		look(4, 5, saw(1, 1, "b", "n1", "v1")), look(10, 11, saw(2, 1, "t", "n2", "v1"))},
	"a holder's write told a later epoch": {born(), at(2, 9, Op{Kind: Patch, Value: "v1", Epoch: 1, Seen: saw(2, 1, "t", "n2", "v1")})},
	"a write told a later epoch":          {born(), write(2, 9, "v1", saw(2, 1, "t", "n2", "v1")), look(4, 5, saw(1, 1, "b", "n1", "v1"))},
	"a write told a later epoch than a refusal": {born(), write(2, 9, "v1", saw(2, 1, "t", "n2", "v1")),
		at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 1, Change: "b"}})},
	"a write told a later epoch than an eventual read": {born(), write(2, 9, "v1", saw(2, 1, "t", "n2", "v1")),
		at(4, 5, Op{Kind: Eventual, Seen: saw(1, 1, "b", "n1", "v1")}), look(6, 7, saw(2, 1, "t", "n2", "v1"))},
	"a write told its tombstone": {born(), write(2, 9, "v1", saw(1, 2, "d", "n1", "")), at(3, 8, Op{Kind: Delete}),
		refusedBy(codeAbsent, look(10, 11, nil))},
	"deleted by whoever": {born(), at(2, 3, Op{Kind: Delete, Outcome: Unknown}), look(4, 5, saw(1, 0, "a", "n1", "v0")),
		refusedBy(codeAbsent, look(6, 7, nil)), at(8, 9, Op{Kind: Delete, Outcome: No, Code: codeAbsent})},
	"refused under a stale tag": {born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")),
		at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 1, Change: "b"}})},
	"moved": {born(), at(2, 3, Op{Kind: Migrate, Seen: saw(2, 0, "m", "n2", "v0")}), at(4, 5, Op{Kind: Migrate, Target: "n2", Seen: saw(2, 0, "m", "n2", "v0")}),
		at(6, 7, Op{Kind: Patch, Value: "v9", Epoch: 1, Outcome: No, Code: codeStale, Seen: &State{Epoch: 2, Owner: "n2"}})},
	"moved twice at once, by one move": {born(), at(2, 9, Op{Kind: Migrate, Seen: saw(2, 0, "m", "n2", "v0")}), at(2, 9, Op{Kind: Migrate, Seen: saw(2, 0, "m", "n2", "v0")})},
	"an eventual read of the past":     {born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")), at(4, 5, Op{Kind: Eventual, Seen: saw(1, 0, "a", "n1", "v0")})},
	"an eventual read of an unknown write": {born(), open(2, 3, "v1"), at(4, 5, Op{Kind: Eventual, Seen: saw(1, 1, "b", "n1", "v1")}),
		write(6, 7, "v2", saw(1, 2, "c", "n1", "v2"))},
}

// bad histories, each with a promise that must be found broken.
var bad = map[string]struct {
	promise string
	ops     []Op
}{
	"an acknowledged write is lost":    {NothingLost, []Op{born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")), look(4, 5, saw(1, 0, "a", "n1", "v0"))}},
	"two writes got one version":       {NothingLost, []Op{born(), write(2, 9, "v1", saw(1, 1, "b", "n1", "v1")), write(2, 9, "v2", saw(1, 1, "c", "n1", "v2"))}},
	"a version changed its author":     {Linearizable, []Op{born(), look(2, 3, saw(1, 0, "z", "n1", "v0"))}},
	"one epoch, two owners":            {OneOwner, []Op{born(), look(2, 3, saw(1, 0, "a", "n2", "v0"))}},
	"an epoch went back":               {OneOwner, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")), look(4, 5, saw(1, 0, "a", "n1", "v0"))}},
	"an eventual read of a lost owner": {OneOwner, []Op{born(), at(2, 3, Op{Kind: Eventual, Seen: saw(2, 0, "t", "n3", "v0")}), look(4, 5, saw(2, 0, "u", "n2", "v0"))}},
	"a stale holder wrote": {Fenced, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")),
		at(4, 5, Op{Kind: Patch, Value: "v1", Epoch: 1, Seen: saw(1, 1, "b", "n1", "v1")})}},
	"a stale holder wrote, and is told the epoch that stands": {Fenced, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")),
		at(4, 5, Op{Kind: Patch, Value: "v1", Epoch: 1, Seen: saw(2, 1, "b", "n2", "v1")})}},
	"a write on a tag of another epoch": {Linearizable, []Op{born(), look(2, 3, saw(2, 0, "t", "n2", "v0")),
		at(4, 5, Op{Kind: Patch, Value: "v1", IfMatch: `"1.0.a"`, Seen: saw(2, 1, "b", "n2", "v1")})}},
	"a write was applied twice":   {AtMostOnce, []Op{born(), write(2, 9, "v1", saw(1, 1, "b", "n1", "v1")), look(3, 8, saw(1, 2, "b", "n1", "v1"))}},
	"a version that nobody wrote": {AtMostOnce, []Op{born(), write(2, 3, "v1", saw(1, 2, "b", "n1", "v1"))}},
	"a refused write was applied": {AtMostOnce, []Op{born(), at(2, 3, Op{Kind: Patch, Value: "v1", Epoch: 2, Outcome: No, Code: codeStale, Seen: &State{Epoch: 1, Owner: "n1"}}),
		look(4, 5, saw(1, 1, "b", "n1", "v1"))}},
	"one key, two sessions":     {AtMostOnce, []Op{born(), {Kind: Create, Session: "other", Value: "v0", Outcome: OK, Seen: saw(1, 0, "q", "n1", "v0")}}},
	"a value out of nowhere":    {Linearizable, []Op{born(), look(2, 3, saw(1, 1, "b", "n1", "ghost"))}},
	"a write not yet asked for": {Linearizable, []Op{born(), look(2, 3, saw(1, 1, "b", "n1", "v1")), write(4, 5, "v1", saw(1, 1, "b", "n1", "v1"))}},
	"an eventual read of what never was": {Linearizable, []Op{born(), open(2, 3, "v1"), at(4, 5, Op{Kind: Eventual, Seen: saw(1, 1, "b", "n1", "v1")}),
		look(6, 7, saw(1, 0, "a", "n1", "v0"))}},
	"an eventual read of another past": {Linearizable, []Op{born(), open(2, 3, "v1"), at(4, 5, Op{Kind: Eventual, Seen: saw(1, 1, "b", "n1", "v1")}),
		write(6, 7, "v2", saw(1, 1, "c", "n1", "v2"))}},
	"moved nowhere":         {Linearizable, []Op{born(), at(2, 3, Op{Kind: Migrate, Seen: saw(1, 0, "a", "n1", "v0")})}},
	"moved elsewhere":       {Linearizable, []Op{born(), at(2, 3, Op{Kind: Migrate, Target: "n3", Seen: saw(2, 0, "m", "n2", "v0")})}},
	"deleted and read":      {Linearizable, []Op{born(), at(2, 3, Op{Kind: Delete}), look(4, 5, saw(1, 0, "a", "n1", "v0"))}},
	"gone without a delete": {Linearizable, []Op{born(), refusedBy(codeAbsent, look(2, 3, nil)), look(4, 5, saw(1, 0, "a", "n1", "v0"))}},
	"refused though the condition held": {Linearizable, []Op{born(),
		at(2, 3, Op{Kind: Patch, Value: "v1", IfMatch: `"1.0.a"`, Outcome: No, Code: codeMismatch, Seen: &State{Epoch: 1, Version: 0, Change: "a"}})}},
	"written though the condition did not hold": {Linearizable, []Op{born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")),
		at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: `"1.0.a"`, Seen: saw(1, 2, "c", "n1", "v2")})}},
}

func TestGoodHistoriesPass(t *testing.T) {
	t.Parallel()
	for name, ops := range good {
		if found, _ := checkHistory(ops, false); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestBadHistoriesAreFound(t *testing.T) {
	t.Parallel()
	for name, b := range bad {
		found, _ := checkHistory(b.ops, false)
		if !slices.ContainsFunc(found, func(v Violation) bool { return v.Promise == b.promise }) {
			t.Errorf("%s: %q is not among %v", name, b.promise, found)
		}
	}
}

// The search by itself, without the checks that come before it, refuses what those would name first.
func TestTheModelAloneIsStrict(t *testing.T) {
	t.Parallel()
	blind := []string{"one key, two sessions", "eventual read", "moved"} // no part of a session's linear history
	for name, b := range bad {
		if slices.ContainsFunc(blind, func(text string) bool { return strings.Contains(name, text) }) {
			continue
		}
		s, _ := tell("s", b.ops, false)
		if p := s.search().run(); p.result != porcupine.Illegal {
			t.Errorf("%s: the search says %s", name, p.result)
		}
	}
}

// A move of copies raises the version and leaves the ETag: a write under that is told a version after a gap. A tag that is past is past all the same.
func TestAConditionHoldsAcrossAMoveOfCopies(t *testing.T) {
	t.Parallel()
	on := func(tag string) []Op {
		return []Op{born(), write(2, 3, "v1", saw(1, 1, "b", "n1", "v1")),
			at(4, 5, Op{Kind: Patch, Value: "v2", IfMatch: tag, Seen: saw(1, 3, "d", "n1", "v2")}), look(6, 7, saw(1, 3, "d", "n1", "v2"))}
	}
	if found, _ := checkHistory(on(`"1.1.b"`), true); len(found) > 0 {
		t.Errorf("the condition held: %v", found)
	}
	for _, past := range []string{`"1.0.a"`, `"1.1.c"`} {
		if found, _ := checkHistory(on(past), true); len(found) == 0 {
			t.Errorf("written under %s, which is past", past)
		}
	}
}
