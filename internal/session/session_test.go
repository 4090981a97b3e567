package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIDsTellTheirBirthAndPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ms, ns := rapid.Int64Range(0, 1<<47).Draw(t, "ms"), rapid.IntRange(0, 999_999).Draw(t, "ns")
		now := time.UnixMilli(ms).Add(time.Duration(ns)).UTC()
		partitions := 1 << rapid.IntRange(0, 12).Draw(t, "log2")
		want := rapid.IntRange(0, partitions-1).Draw(t, "partition")
		id := NewID(now).InPartition(want, partitions)
		if _, err := ParseID(string(id)); err != nil {
			t.Fatal(err)
		}
		if !id.Born().Equal(now.Truncate(time.Millisecond)) || id.Partition(partitions) != want {
			t.Fatalf("%s was born %s in partition %d, want %s in %d", id, id.Born(), id.Partition(partitions), now, want)
		}
		later := NewOpID(now.Add(time.Microsecond))
		if op := NewOpID(now); op >= later {
			t.Fatalf("%s does not sort before %s, made a microsecond later", op, later)
		}
	})
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	good := string(NewID(time.Now()))
	for _, s := range []string{"", "x", strings.ToUpper(good), "{" + good + "}", "urn:uuid:" + good, good + "0", good[:35], strings.ReplaceAll(good, "-", ""),
		"01890a5d-ac96-474b-bcce-b302099a8057"} {
		var invalid *InvalidError
		if _, err := ParseID(s); !errors.As(err, &invalid) || invalid.Field != "id" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestParseNodeID(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "0", "node-1", "A.b_c-9", strings.Repeat("n", MaxNodeID)} {
		if id, err := ParseNodeID(s); err != nil || string(id) != s {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "-a", ".a", "_a", "a b", "a/b", "{a}", "a:b", "ä", strings.Repeat("n", MaxNodeID+1)} {
		if _, err := ParseNodeID(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestStampsAndLeasesReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Stamp{rapid.Uint64Range(0, 1<<53-2).Draw(t, "epoch"), rapid.Uint64Range(0, 1<<53-1).Draw(t, "version"), NewOpID(time.Now())}
		if got, err := ParseStamp(s.String()); err != nil || got != s || s.Rank() != s.Epoch+s.Version {
			t.Fatalf("%v reads back as %v, %v", s, got, err)
		}
		h, epoch := Holder{"node-1", "0123456789abcdef"}, s.Epoch+1
		if gotH, gotE, err := ParseLease(LeaseValue(h, epoch)); err != nil || gotH != h || gotE != epoch {
			t.Fatalf("%v %d reads back as %v %d, %v", h, epoch, gotH, gotE, err)
		}
	})
	if got, err := ParseStamp("-"); err != nil || !got.IsZero() || got.String() != "-" {
		t.Fatalf("%v %v", got, err)
	}
	for _, s := range []string{"", "1", "1.2", "1.2.", "a.2.x", "1.b.x", "-1.2.x", "99999999999999999999.1.x"} {
		if _, err := ParseStamp(s); err == nil {
			t.Errorf("stamp %q was taken", s)
		}
	}
	for _, s := range []string{"", "a/b", "a/b/0", "a/b/x", "a/b/1/2", "{a}/b/1"} {
		if _, _, err := ParseLease(s); err == nil {
			t.Errorf("lease %q was taken", s)
		}
	}
}

// Each field at its limit is taken, past it refused, and the error names the field and the limit.
func TestDraftLimits(t *testing.T) {
	t.Parallel()
	with := func(change func(*Draft)) error {
		d := Draft{Type: "development", Name: "n", Workspace: "/w"}
		change(&d)
		return d.Validate()
	}
	labels := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("k", i)] = "v"
		}
		return m
	}
	for name, change := range map[string]func(*Draft){
		"plain": func(*Draft) {}, "type": func(d *Draft) { d.Type = strings.Repeat("t", MaxType) },
		"name": func(d *Draft) { d.Name = strings.Repeat("ü", MaxName) }, "workspace": func(d *Draft) { d.Workspace = strings.Repeat("w", MaxWorkspace) },
		"labels": func(d *Draft) { d.Labels = labels(MaxLabels) }, "label": func(d *Draft) {
			d.Labels = map[string]string{strings.Repeat("k", MaxLabelKey): strings.Repeat("v", MaxLabelValue)}
		},
		"empty label": func(d *Draft) { d.Labels = map[string]string{"k": ""} }, "ttl": func(d *Draft) { d.TTL = MinTTL }, "long ttl": func(d *Draft) { d.TTL = MaxTTL },
		"escapes":   func(d *Draft) { d.Config = map[string]any{"k": strings.Repeat("<", MaxConfig-len(`{"k":""}`))} },
		"config":    func(d *Draft) { d.Config = map[string]any{"k": strings.Repeat("x", MaxConfig-len(`{"k":""}`))} },
		"placement": func(d *Draft) { d.Placement = Placement{"node-1", "zone/a"} },
	} {
		if err := with(change); err != nil {
			t.Errorf("%s at its limit: %v", name, err)
		}
	}
	for _, c := range []struct {
		field, says string
		change      func(*Draft)
	}{
		{"type", "required", func(d *Draft) { d.Type = "" }}, {"type", "63", func(d *Draft) { d.Type = strings.Repeat("t", MaxType+1) }},
		{"type", "letters", func(d *Draft) { d.Type = "a b" }}, {"name", "required", func(d *Draft) { d.Name = "" }},
		{"name", "255", func(d *Draft) { d.Name = strings.Repeat("ü", MaxName+1) }}, {"name", "UTF-8", func(d *Draft) { d.Name = "\xff" }},
		{"name", "control", func(d *Draft) { d.Name = "a\nb" }}, {"workspace", "1024", func(d *Draft) { d.Workspace = strings.Repeat("w", MaxWorkspace+1) }},
		{"status", "active", func(d *Draft) { d.Status = "running" }}, {"labels", "64", func(d *Draft) { d.Labels = labels(MaxLabels + 1) }},
		{"labels key", "63", func(d *Draft) { d.Labels = map[string]string{strings.Repeat("k", MaxLabelKey+1): "v"} }},
		{"labels.k", "255", func(d *Draft) { d.Labels = map[string]string{"k": strings.Repeat("v", MaxLabelValue+1)} }},
		{"ttl", "1s", func(d *Draft) { d.TTL = MinTTL - 1 }}, {"ttl", "8760h", func(d *Draft) { d.TTL = MaxTTL + 1 }}, {"ttl", "1s", func(d *Draft) { d.TTL = -1 }},
		{"placement.node", "letter", func(d *Draft) { d.Placement.Node = "-x" }}, {"placement.zone", "letters", func(d *Draft) { d.Placement.Zone = "a b" }},
		{"durability", "none", func(d *Draft) { d.Durability = "none" }}, {"config", "encoded", func(d *Draft) { d.Config = map[string]any{"k": func() {}} }},
	} {
		var invalid *InvalidError
		if err := with(c.change); !errors.As(err, &invalid) || invalid.Field != c.field || !strings.Contains(invalid.Reason, c.says) {
			t.Errorf("%s: %v, want it to say %q", c.field, err, c.says)
		}
	}
	var large *TooLargeError
	if err := with(func(d *Draft) { d.Config = map[string]any{"k": strings.Repeat("x", MaxConfig)} }); !errors.As(err, &large) || large.Limit != MaxConfig || large.Used <= MaxConfig {
		t.Errorf("config past its limit: %v", err)
	}
}

// The examples of RFC 7396, appendix A, that are objects.
func TestMergeIsRFC7396(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	for _, c := range []struct{ target, patch, want m }{
		{m{"a": "b"}, m{"a": "c"}, m{"a": "c"}}, {m{"a": "b"}, m{"b": "c"}, m{"a": "b", "b": "c"}}, {m{"a": "b"}, m{"a": nil}, m{}},
		{m{"a": "b", "b": "c"}, m{"a": nil}, m{"b": "c"}}, {m{"a": []any{"b"}}, m{"a": "c"}, m{"a": "c"}}, {m{"a": "c"}, m{"a": []any{"b"}}, m{"a": []any{"b"}}},
		{m{"a": m{"b": "c"}}, m{"a": m{"b": "d", "c": nil}}, m{"a": m{"b": "d"}}}, {m{"a": []any{m{"b": "c"}}}, m{"a": []any{1}}, m{"a": []any{1}}},
		{m{"e": nil}, m{"a": 1}, m{"e": nil, "a": 1}}, {m{}, m{"a": m{"bb": m{"ccc": nil}}}, m{"a": m{"bb": m{}}}}, {nil, m{"a": 1}, m{"a": 1}},
	} {
		before := fmt.Sprint(c.target)
		if got := merge(c.target, c.patch); fmt.Sprint(got) != fmt.Sprint(c.want) || fmt.Sprint(c.target) != before {
			t.Errorf("%v patched with %v is %v, want %v (target now %v)", c.target, c.patch, got, c.want, c.target)
		}
	}
}

func TestPatchApply(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	was := Session{ID: "i", Type: "t", Name: "n", Workspace: "/w", Status: Active, Labels: map[string]string{"a": "1", "b": "2"}, Config: map[string]any{"k": 1}, ExpiresAt: now}
	idle, empty, hour, never, two := Idle, Status(""), time.Hour, time.Duration(0), "2"
	got, err := Patch{Status: &idle, Labels: map[string]*string{"a": nil, "c": &two}, ConfigSet: true, TTL: &hour}.Apply(was, now)
	if err != nil || got.Status != Idle || fmt.Sprint(got.Labels) != "map[b:2 c:2]" || len(got.Config) != 0 || !got.ExpiresAt.Equal(now.Add(hour)) {
		t.Fatalf("%+v %v", got, err)
	}
	if was.Labels["a"] != "1" || was.Config["k"] != 1 {
		t.Fatalf("the session itself was changed: %+v", was)
	}
	if got, err = (Patch{TTL: &never}).Apply(was, now); err != nil || !got.ExpiresAt.IsZero() {
		t.Fatalf("%+v %v", got, err)
	}
	var invalid *InvalidError
	if _, err = (Patch{Status: &empty}).Apply(was, now); !errors.As(err, &invalid) || invalid.Field != "status" {
		t.Fatalf("an empty status: %v", err)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	s := Session{Type: "t", Workspace: "/w", Status: Idle, Holder: Holder{Node: "n"}, Labels: map[string]string{"a": "1", "b": ""}}
	for _, f := range []Filter{{}, {Types: []string{"s", "t"}}, {Workspace: "/w", Statuses: []Status{Idle}, Owners: []NodeID{"n"}}, {Labels: Selector{Equals("a", "1"), Equals("b", "")}}} {
		if !f.Match(s) {
			t.Errorf("%+v does not match", f)
		}
	}
	for _, f := range []Filter{{Types: []string{"u", "s"}}, {Workspace: "/"}, {Statuses: []Status{Active}}, {Owners: []NodeID{"m"}}, {Labels: Selector{Equals("a", "2")}}, {Labels: Selector{Equals("c", "")}}} {
		if f.Match(s) {
			t.Errorf("%+v matches", f)
		}
	}
}
