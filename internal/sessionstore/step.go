package sessionstore

import (
	"context"
	"strconv"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// step writes one record over the places of one chain, one place after the other: the copies, then home.
type step struct {
	place    place
	image    image // of the new record
	writes   []write
	home     homeWrite
	why      session.Reason      // what its event says; empty: it is not told
	must     bool                // goes through although Redis is full
	notAfter time.Time           // by the servers' clocks; zero: no limit
	ttl      time.Duration       // of an idempotency record
	attach   map[int]*attachment // by tag: what becomes of what lies beside the record; nil: nothing
	code     code                // the last answer; done when all writes are
	err      error               // Redis could not be reached, or the key is foreign
}

// write is one compare-and-set.
type write struct {
	tag    int
	expect session.Stamp
}

// homeWrite is what home's script needs to derive the rest from.
type homeWrite struct {
	oldOwner, owner session.NodeID // empty: none before; deleted
	epoch           uint64
	lease           string
	expires         time.Time
}

// newStep prepares the writes that make the records of a chain equal to im. oldOwner is who owns home's present record; why is what an
// event gives as the reason.
func newStep(p place, why session.Reason, oldOwner session.NodeID, im image, writes []write) *step {
	st := &step{place: p, why: why, image: im, writes: ordered(writes)}
	st.home = homeWrite{oldOwner: oldOwner, epoch: im.stamp.Epoch, expires: im.expires}
	if p.digest != "" {
		st.ttl = claimKept
	}
	if !im.gone {
		st.home.owner, st.home.lease = im.holder.Node, session.LeaseValue(im.holder, im.stamp.Epoch)
	}
	return st
}

// over returns the writes that replace base by its successor on base's chain.
func over(base Record) []write {
	return overChain(base.Chain, base.Stamp)
}

func overChain(chain []int, expect session.Stamp) []write {
	writes := make([]write, 0, len(chain)+1)
	for _, tag := range chain {
		writes = append(writes, write{tag, expect})
	}
	return append(writes, write{home, expect})
}

func (st *step) failed() bool { return st.err != nil || st.code != done }

// outcome says what a finished step means to its writer: nil when the record is committed, errRefused when another change came
// between, or what went wrong.
func (st *step) outcome() error {
	switch {
	case st.err != nil:
		return st.err
	case st.code == done:
		return nil
	case st.code == tooLate:
		return redisx.Unavailable("the operation took too long and was not applied", nil)
	case st.code == torn:
		return errTorn
	default:
		return errRefused
	}
}

// perCall bounds how many records one script call writes, so that no call holds a server for long.
const perCall = 100

// apply carries the steps out together: first every first write, then every second one, home last; a step that is refused
// anywhere goes no further. Steps of one slot share script calls.
func (s *Store) apply(ctx context.Context, steps ...*step) {
	for round := 0; s.write(ctx, round, steps); round++ {
	}
}

// write carries out one round of apply. It reports false where nothing is left to do.
func (s *Store) write(ctx context.Context, round int, steps []*step) bool {
	var copies, homes []*step
	for _, st := range steps {
		switch {
		case round > 0 && st.failed() || round >= len(st.writes):
		case st.writes[round].tag == home:
			homes = append(homes, st)
		default:
			copies = append(copies, st)
		}
	}
	if len(copies)+len(homes) == 0 {
		return false
	}
	var calls []*redisx.Call
	var groups [][]*step
	for _, group := range bySlot(round, copies) {
		calls, groups = append(calls, casCall(round, group)), append(groups, group)
	}
	for _, group := range bySlot(round, homes) {
		call := s.commitCall(round, group)
		if group[0].place.digest != "" {
			call = casCall(round, group)
		}
		calls, groups = append(calls, call), append(groups, group)
	}
	s.redis.RunAll(ctx, calls...)
	for i, call := range calls {
		settle(call, round, groups[i])
	}
	return true
}

func settle(call *redisx.Call, round int, group []*step) {
	codes, _ := call.Reply.([]any)
	for i, st := range group {
		switch {
		case call.Err != nil:
			st.err = call.Err
		case i >= len(codes):
			st.err = redisx.Unavailable("redis answered too little", nil)
		default:
			n, _ := codes[i].(int64)
			if st.code = code(n); st.code < foreign {
				st.err = strangeKey(call.Keys, n)
			}
		}
	}
}

// bySlot groups steps whose write of this round lies in one slot, at most perCall in each.
func bySlot(round int, steps []*step) [][]*step {
	type slot struct {
		partition, tag int
		idempotency    bool
		must           bool
		alone          *step // what changes something beside a record shares its call with nobody
	}
	open := map[slot]int{}
	var groups [][]*step
	for _, st := range steps {
		at := slot{st.place.partition, st.writes[round].tag, st.place.digest != "", st.must, nil}
		if st.attach[at.tag] != nil {
			at.alone = st
		}
		i, ok := open[at]
		if !ok || len(groups[i]) == perCall {
			i = len(groups)
			open[at] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], st)
	}
	return groups
}

func mode(must bool) string {
	if must {
		return "must"
	}
	return "grow"
}

func casCall(round int, group []*step) *redisx.Call {
	first := group[0]
	tag := first.writes[round].tag
	call := &redisx.Call{Script: casScript, Args: []any{mode(first.must)}}
	if first.place.digest == "" {
		call.Keys = append(call.Keys, first.place.keys.Copies(first.place.partition, tag))
	} else {
		call.Keys = append(call.Keys, first.place.key(tag))
	}
	for _, st := range group {
		call.Keys = append(call.Keys, st.place.key(tag))
		expect := st.writes[round].expect
		call.Args = append(call.Args, expect.String(), st.image.stamp.String(), millis(st.notAfter), string(st.place.session), st.ttl.Milliseconds())
		call.Args = append(call.Args, st.image.over(expect)...)
	}
	first.attachTo(call, tag, casAttachScript)
	return call
}

func (s *Store) commitCall(round int, group []*step) *redisx.Call {
	p := group[0].place.partition
	call := &redisx.Call{Script: commitScript, Keys: []string{s.keys.Index(p), s.keys.Expiry(p), s.keys.Tombstones(p), s.keys.Owners(p), s.keys.Events(p)}}
	call.Args = []any{mode(group[0].must), s.leaseTTL.Milliseconds(), s.actor, session.EventsKept}
	for _, st := range group {
		id, h := st.place.session, st.home
		call.Keys = append(call.Keys, s.keys.Session(id), s.keys.Lease(id), s.keys.Owned(p, h.oldOwner), s.keys.Owned(p, h.owner))
		expect := st.writes[round].expect
		call.Args = append(call.Args, expect.String(), st.image.stamp.String(), millis(st.notAfter), string(id),
			string(h.oldOwner), string(h.owner), strconv.FormatUint(h.epoch, 10), h.lease, millis(h.expires), string(st.why))
		call.Args = append(call.Args, st.image.over(expect)...)
	}
	group[0].attachTo(call, home, commitAttachScript)
	return call
}

// millis writes a time as Unix milliseconds; 0 stands for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
