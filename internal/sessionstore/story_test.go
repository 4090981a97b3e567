package sessionstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// variant is one way in which stories are played.
type variant struct {
	name   string
	factor int
	moves  bool // copies are moved to other places; sessions begin with one copy
	losses int  // places that are set back to an earlier state
	fast   bool // writes are acknowledged when the first copy has them
	strict bool // ... and may not be lost for that

	// For controls: the protocol with one guard taken out.
	guard    guard
	tampered map[string]string // what replaces what in the scripts
}

// shape is what a story is made of.
type shape struct {
	seeded            bool // the session exists already; else its create is the first operation
	kinds             []opKind
	readers, eventual int
	audits            int
	resent, timeout   int // percent of the script calls
	loss, crash, doze int // chance at each step, in thousandths
}

func shapeOf(v variant, d *rand.Rand) shape {
	sh := shape{
		seeded: d.IntN(3) > 0, readers: 1 + d.IntN(2), eventual: d.IntN(2), audits: max(0, d.IntN(4)-1),
		resent: pick(d, 0, 4, 10), timeout: pick(d, 0, 4, 10), crash: pick(d, 0, 10, 40), doze: pick(d, 0, 30, 100),
	}
	if v.losses > 0 {
		sh.loss = pick(d, 0, 15, 30, 60)
	}
	for range 2 + d.IntN(5) {
		sh.kinds = append(sh.kinds, []opKind{writing, writing, writing, holderWrite, holderWrite, takeover, takeover, takeover, deletion, publishing, publishing, publishing, saving, saving, erasing}[d.IntN(15)])
	}
	if v.moves {
		for range 1 + d.IntN(4) {
			sh.kinds = append(sh.kinds, moving)
		}
	}
	return sh
}

func pick(d *rand.Rand, of ...int) int { return of[d.IntN(len(of))] }

// story is one session, the requests that work on it, and what they are told. The records carry the truth: config.log lists
// every operation applied, config.eps the epoch under which each was.
type story struct {
	*stage
	variant
	shape
	theater *theater
	ctx     context.Context
	keys    *keyspace.Keys
	stores  []*Store // one for each node
	id      session.ID
	ops     []*op
	reads   []reading
	told    [nodes]uint64 // the newest epoch that each node was told it owns
	late    []call
	chains  [][]int         // where copies are moved to: few, so that moves come back
	archive map[int][]still // what each place held, oldest first
	dirty   map[int]bool
	made    map[string]string      // content by stamp, and messages and contexts by what they are known by
	left    map[*actor]int         // who was told that its change is made on the word of one copy, and of which
	since   map[int]map[string]int // by place and stamp: when it first held that record
	lost    []loss
	broken  []string // the promises that were broken
}

// loss is one place set back.
type loss struct{ tag, at int }

// nodes is how many nodes work on a session.
const nodes = 3

var holders = []session.Holder{
	{Node: "node-0", Incarnation: "0000000000000000"}, {Node: "node-1", Incarnation: "1111111111111111"}, {Node: "node-2", Incarnation: "2222222222222222"},
}

// play tells one story and returns the promises that were broken.
func (th *theater) play(tb testing.TB, v variant, seed uint64) []string {
	tb.Helper()
	log := func(string, ...any) {}
	if *flagTell {
		log = func(format string, args ...any) { tb.Logf(format, args...) }
	}
	st := th.story(tb, newStage(seed, log), v, seed)
	if st.seeded {
		st.begin()
	}
	st.cast()
	for steps := 0; st.step(); steps++ {
		if steps > 4000 {
			st.broke("the story does not end")
			for _, a := range st.awake() {
				st.kill(a)
			}
		}
	}
	st.end()
	return st.broken
}

func (th *theater) story(tb testing.TB, s *stage, v variant, seed uint64) *story {
	k, err := keyspace.New(fmt.Sprintf("%s.%d", th.prefix, th.plays.Add(1)), 8)
	if err != nil {
		tb.Fatal(err)
	}
	st := &story{stage: s, variant: v, shape: shapeOf(v, s.dice), theater: th, ctx: tb.Context(), keys: k,
		archive: map[int][]still{}, dirty: map[int]bool{}, made: map[string]string{}, left: map[*actor]int{}, since: map[int]map[string]int{}}
	th.wire.touched, th.wire.later = st.touched, func(c call) { st.late = append(st.late, c) }
	for _, c := range th.clients { // in every other story they compress: all of them, for what an operation writes is the same wherever it is tried
		store := open(tb, c, k, Config{ReplicationFactor: v.factor, CompressionThreshold: int(seed % 2)}).Store
		store.leave = st.leave
		st.stores = append(st.stores, store)
	}
	st.id = st.stores[0].NewID().InPartition(s.dice.IntN(8), 8)
	for range 2 {
		st.chains = append(st.chains, st.otherChain())
	}
	st.chains = append(st.chains, st.stores[0].ChainFor(st.id))
	st.log("story of seed %d: %+v, partition %d", seed, st.shape, st.keys.Partition(st.id))
	return st
}

// begin makes the session before anything else happens.
func (st *story) begin() {
	o := st.newOp(creation)
	o.first = st.firstChain()
	o.try(st, st.ctx, 0)
	if !o.acked {
		st.broke("the first create failed")
	}
	st.told[0] = 1
	st.touched(st.keys.Session(st.id))
	for _, tag := range o.first {
		st.touched(st.keys.Copy(st.id, tag))
	}
	st.look()
}

// firstChain is the chain of the new session; where copies will be moved it starts with the first one.
func (st *story) firstChain() []int {
	chain := st.stores[0].ChainFor(st.id)
	if st.moves && len(chain) > 1 && st.dice.IntN(2) == 0 {
		return chain[:1]
	}
	return chain
}

// cast puts everybody on the stage.
func (st *story) cast() {
	if !st.seeded {
		o := st.newOp(creation)
		o.first = st.firstChain()
		st.attempts(o)
	}
	for _, kind := range st.kinds {
		st.attempts(st.newOp(kind))
	}
	for range st.readers {
		st.spawn(st.ctx, "read", st.reader(false, st.dice.IntN(nodes)))
	}
	for range st.eventual {
		st.spawn(st.ctx, "eventual", st.reader(true, st.dice.IntN(nodes)))
	}
	for range st.audits {
		node := st.dice.IntN(nodes)
		st.spawn(st.ctx, "audit", func(ctx context.Context) { st.audit(ctx, node) })
	}
}

// attempts asks for an operation, with some chance several times and through other nodes.
func (st *story) attempts(o *op) {
	for again := true; again; again = st.dice.IntN(3) == 0 && o.kind != moving {
		node := st.dice.IntN(nodes)
		st.spawn(st.ctx, fmt.Sprintf("%s %c", o.kind, o.letter), func(ctx context.Context) { o.try(st, ctx, node) })
	}
}

// step is one turn of the world; false: all is over.
func (st *story) step() bool {
	ready := st.awake()
	if len(ready) == 0 {
		return false
	}
	st.now++
	a := ready[st.dice.IntN(len(ready))]
	switch d := st.dice.IntN(1000); {
	case d < st.loss && len(st.lost) < st.losses && len(st.archive) > 0:
		st.lose()
	case d >= 100 && d < 100+st.crash:
		st.kill(a)
	case d >= 200 && d < 200+st.doze:
		a.asleep = st.now + 20 + st.dice.IntN(60)
	case len(st.late) > 0 && d >= 300 && d < 400:
		st.deliver(st.dice.IntN(len(st.late)))
	default:
		st.advance(a, st.fate(a))
	}
	st.look()
	return true
}

// fate is drawn for the command that an actor is parked at.
func (st *story) fate(a *actor) fate {
	switch d := st.dice.IntN(100); {
	case a.at == "start":
		return delivered
	case d < st.resent:
		return resent
	case d < 2*st.resent:
		return doubled
	case d < 2*st.resent+st.timeout:
		return []fate{replyLost, requestLost, delayed}[st.dice.IntN(3)]
	}
	return delivered
}

// deliver lets a late command take effect.
func (st *story) deliver(i int) {
	c := st.late[i]
	st.late = slices.Delete(st.late, i, i+1)
	st.log("%4d LATE %s", st.now, c.about)
	if err := c.run(st.ctx); err != nil {
		st.broke("a late command failed: " + err.Error())
	}
}

// lose sets one place back to something that it held before, or to nothing.
func (st *story) lose() {
	var tags []int
	for tag := range keyspace.CopyTags + 1 {
		if len(st.archive[tag]) > 0 {
			tags = append(tags, tag)
		}
	}
	tag := tags[st.dice.IntN(len(tags))]
	old, past := still{}, st.archive[tag]
	if k := st.dice.IntN(len(past)); k > 0 {
		old = past[k-1]
	}
	st.log("%4d ROLLBACK of place %d from %s to %s", st.now, tag, past[len(past)-1].stamp(), old.stamp())
	if err := st.scene(tag).put(st.ctx, st.theater.raw, old); err != nil {
		st.broke("a place could not be set back: " + err.Error())
	}
	st.lost = append(st.lost, loss{tag, st.now})
	st.dirty[tag] = true
}

func (st *story) scene(tag int) scene { return sceneOf(st.keys, st.id, tag, holders) }

// touched notes that a script ran over the place that a key lies at.
func (st *story) touched(key string) {
	p := st.keys.Partition(st.id)
	for tag := range keyspace.CopyTags + 1 {
		if name := st.keys.HomeTag(p); tag == home && strings.Contains(key, name) || tag != home && strings.Contains(key, st.keys.CopyTag(p, tag)) {
			st.dirty[tag] = true
		}
	}
}

// look takes stills of the places that changed, and checks what must hold at every moment.
func (st *story) look() {
	for tag := range keyspace.CopyTags + 1 {
		if !st.dirty[tag] {
			continue
		}
		delete(st.dirty, tag)
		s, err := st.scene(tag).take(st.ctx, st.theater.raw)
		if err != nil {
			st.broke("a place could not be looked at: " + err.Error())
			continue
		}
		st.log("     place %d holds %s", tag, s.stamp())
		st.archive[tag] = append(st.archive[tag], s)
		st.dated(tag, s)
		if was, ok := st.made[s.stamp()]; ok && was != s.content() {
			st.broke("one stamp on two records: " + was + " and " + s.content())
		}
		st.made[s.stamp()] = s.content()
		if wrong := s.besides(tag); wrong != "" {
			st.broke(fmt.Sprintf("beside a record lies something else: at place %d %s", tag, wrong))
		}
		if n := len(s.messages); n > 0 {
			last := s.messages[n-1] // tells its epoch: tries of one publish may be made under two, where the copy loses the first
			st.same(fmt.Sprintf("messages to %s of epoch %v", last.ID, last.Values["epoch"]), fmt.Sprint(s.messages))
			st.same("messages of "+s.stamp(), fmt.Sprint(s.messages))
		}
		if len(s.context) > opSize {
			st.same("context of "+s.context[:opSize], s.context)
		}
		if wrong := s.derived(st.keys, st.id); tag == home && wrong != "" {
			st.broke("home's entries differ from its record: " + wrong)
		}
	}
}

// dated notes since when a place has had a record, and since when home has had the operations in it.
func (st *story) dated(tag int, s still) {
	if st.since[tag] == nil {
		st.since[tag] = map[string]int{}
	}
	if _, known := st.since[tag][s.stamp()]; known || len(s.record) == 0 {
		return
	}
	st.since[tag][s.stamp()] = st.now
	if tag != home {
		return
	}
	r, err := decode(st.id, s.record)
	if err != nil {
		st.broke("home's record cannot be read: " + err.Error())
	}
	log, _ := history(r.Session)
	for _, letter := range log {
		if o := st.ops[letter-'A']; o.atHome == 0 {
			o.atHome = max(1, st.now)
		}
	}
}

// same checks that what has one name is one thing.
func (st *story) same(name, is string) {
	if was, ok := st.made[name]; ok && was != is {
		st.broke("one name for two things: " + name + ": " + was + " and " + is)
	}
	st.made[name] = is
}

func (st *story) broke(promise string) {
	st.log("%4d BROKEN %s", st.now, promise)
	if !slices.Contains(st.broken, promise) {
		st.broken = append(st.broken, promise)
	}
}
