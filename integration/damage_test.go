package integration

import (
	"testing"
	"time"

	"orchestrator/internal/redistest"
	nouns "orchestrator/internal/session"
)

// damage is something wrong in Redis, as a test leaves it there.
type damage struct {
	name   string
	copies bool // there must be one
	harm   func(*victim)
	gone   bool // the session was deleted, and stays so
}

// damages are, by the kind under which sync rounds count them.
var damages = map[string][]damage{
	"copy": {
		{name: "a copy is missing", copies: true, harm: func(v *victim) { v.do("DEL", v.copy) }},
		{name: "a copy is older", copies: true, harm: func(v *victim) {
			old := v.image(v.copy)
			v.patch("idle")
			v.patch("completed")
			v.back(v.copy, old)
		}},
		{name: "a deleted session's copy is alive again", copies: true, gone: true, harm: func(v *victim) {
			old := v.image(v.copy)
			call(v.t, "DELETE", v.url, nil).want(v.t, 204)
			v.back(v.copy, old)
		}},
	},
	"home": {
		{name: "a copy is newer: its writer crashed before it wrote home", copies: true, harm: func(v *victim) {
			old := v.image(v.home)
			v.patch("idle")
			v.back(v.home, old)
		}},
		{name: "home is gone", copies: true, harm: func(v *victim) { v.do("DEL", v.home) }},
		{name: "home is older", copies: true, harm: func(v *victim) {
			old := v.image(v.home)
			v.patch("idle")
			v.patch("failed")
			v.back(v.home, old)
		}},
		{name: "a deleted session's home is alive again", copies: true, gone: true, harm: func(v *victim) {
			old := v.image(v.home)
			call(v.t, "DELETE", v.url, nil).want(v.t, 204)
			v.back(v.home, old)
		}},
	},
	"index": {
		{name: "the index names a session that is not", harm: func(v *victim) { v.do("ZADD", v.keys.Index(v.partition), 0, v.nobody()) }},
		{name: "the index lacks the session", harm: func(v *victim) { v.do("ZREM", v.keys.Index(v.partition), v.id) }},
		{name: "the list of copies names a session that is not", copies: true, harm: func(v *victim) { v.do("ZADD", v.copies, 0, v.nobody()) }},
		{name: "the list of copies lacks the session", copies: true, harm: func(v *victim) { v.do("ZREM", v.copies, v.id) }},
		{name: "another node's set names the session", harm: func(v *victim) { v.do("ZADD", v.ownedBy(v.other), 0, v.id) }},
		{name: "the owner's set names a session that is not", harm: func(v *victim) { v.do("ZADD", v.ownedBy(v.owner), 0, v.nobody()) }},
		{name: "the owner's set lacks the session", harm: func(v *victim) { v.do("ZREM", v.ownedBy(v.owner), v.id) }},
		{name: "the expiry names a session that is not, far off", harm: func(v *victim) { v.do("ZADD", v.keys.Expiry(v.partition), 9999999999999, v.nobody()) }},
		{name: "the expiry names a session that is not, due", harm: func(v *victim) { v.do("ZADD", v.keys.Expiry(v.partition), 12345, v.nobody()) }},
		{name: "the expiry names a session that does not expire", harm: func(v *victim) { v.do("ZADD", v.keys.Expiry(v.partition), 9999999999999, v.id) }},
		{name: "the expiry lacks the session", harm: func(v *victim) {
			call(v.t, "PATCH", v.url, `{"ttl":"1h"}`).want(v.t, 200)
			v.expires = true
			v.do("ZREM", v.keys.Expiry(v.partition), v.id)
		}},
	},
	"count": {
		{name: "a node's count is too high", harm: func(v *victim) { v.do("ZINCRBY", v.keys.Load(), 7, v.owner) }},
		{name: "a node's count is too low", harm: func(v *victim) { v.do("ZINCRBY", v.keys.Load(), -1, v.owner) }},
		{name: "a node that is not is counted", harm: func(v *victim) { v.do("ZADD", v.keys.Load(), 3, "nobody") }},
	},
	"orphan": {{name: "the owner was never registered", harm: (*victim).orphan}},
}

// Whatever is planted is mended within two sync rounds and counted under its kind, once; two more rounds find nothing anywhere.
func TestPlantedDamageIsMended(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := startWard(t, r, 2)
		for _, kind := range []string{"copy", "home", "index", "count", "orphan"} {
			t.Run(kind, func(t *testing.T) { w.plant(t, kind, damages[kind]) })
		}
	})
}

// plant does all harm of a kind, each to a session of its own, and waits for the rounds to mend it.
func (w *ward) plant(t *testing.T, kind string, planted []damage) {
	before, victims, names := w.mended(t), []*victim{}, []string{}
	for _, d := range planted {
		if d.copies && w.r.Masters() == 1 {
			continue
		}
		v := w.admit(t, d)
		d.harm(v)
		victims, names = append(victims, v), append(names, d.name)
	}
	if len(victims) == 0 {
		t.Skip("one master keeps no copies")
	}
	w.awaitRounds(t, 2)
	after := w.mended(t)
	for k, n := range after {
		want := 0
		if k == kind {
			want = len(victims)
		}
		// A round that counts a node's sessions before another has mended its set sets the count wrong, and the next one right.
		if got := n - before[k]; got != want && !(kind == "index" && k == "count") {
			t.Errorf("%d counted as %q, want %d; planted were %q", got, k, want, names)
		}
	}
	for _, v := range victims {
		if wrong := v.wrong(); wrong != "" {
			t.Errorf("%s: %s", v.name, wrong)
		}
	}
	w.quiet(t, 2)
}

// orphan makes a node own the session that has never been, in every place that says so.
func (v *victim) orphan() {
	const ghost = nouns.NodeID("ghost")
	records := []string{v.home}
	if v.copy != "" {
		records = append(records, v.copy)
	}
	for _, key := range records {
		v.do("HSET", key, "owner", string(ghost), "incarnation", "0123456789abcdef")
	}
	v.do("ZREM", v.ownedBy(v.owner), v.id)
	v.do("ZADD", v.ownedBy(ghost), 0, v.id)
	v.do("SADD", v.keys.Owners(v.partition), string(ghost))
	v.do("DEL", v.keys.Lease(nouns.ID(v.id)))
	v.do("ZINCRBY", v.keys.Load(), -1, string(v.owner))
	v.adopted = true
}

// Copies that share home's master, because slots moved, are moved and counted so; then nothing is left to do.
func TestCopiesOnHomesMasterAreCounted(t *testing.T) {
	t.Parallel()
	const total = 40
	c := redistest.NewCluster(t)
	w := startWard(t, c, 2)
	for i := range total { // one by one: a batch would lie in one partition
		call(t, "POST", w.f.url(i)+"/v1/sessions", draft("moved")).want(t, 201)
	}
	w.quiet(t, 1)
	before := w.mended(t)
	from, to := c.MasterOf(t, 16383), c.MasterOf(t, 0)
	var slots []int // those of the partitions' tags on the third master: multiples of 1024
	for _, slot := range c.Slots(t, from) {
		if slot%1024 == 0 {
			slots = append(slots, slot)
		}
	}
	c.MigrateSlots(t, from, to, slots...)
	// A node looks at the topology in its own time before its rounds can know.
	eventually(t, damageLimit, func() string {
		if w.mended(t)["moved"] == 0 {
			return "no copy was moved: the test shows nothing"
		}
		return apart(t, c, w.f.prefix, total)
	})
	w.awaitRounds(t, 2)
	after := w.mended(t)
	for kind, n := range after {
		if got := n - before[kind]; (got > 0) != (kind == "moved") {
			t.Errorf("%d counted as %q", got, kind)
		}
	}
	w.quiet(t, 2)
}

// A fleet that works, and of which nothing is wrong, finds nothing to mend though sessions come, change, move and go all the time.
func TestAHealthyFleetMendsNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		w := startSlowWard(t, r, 3, 7*time.Second) // nothing is wrong with a change that a busy machine keeps waiting
		done := w.work(t)
		w.quiet(t, 2)
		if n := done(); n < 50 {
			t.Fatalf("%d sessions in all were worked on: that is no load", n)
		}
		w.quiet(t, 1)
	})
}
