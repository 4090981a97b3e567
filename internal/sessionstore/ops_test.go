package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// opKind is what an operation does.
type opKind string

const (
	creation    opKind = "create"
	writing     opKind = "write"
	holderWrite opKind = "hold"
	takeover    opKind = "take"
	deletion    opKind = "delete"
	moving      opKind = "move"
	publishing  opKind = "publish"
	saving      opKind = "save"
	erasing     opKind = "erase"
)

// op is one operation of a client, however often and through whichever node it is asked for.
type op struct {
	kind       opKind
	letter     rune // its name in the log
	id         session.OpID
	to         session.Holder // of a takeover
	first      []int          // of a create: the chain
	holder     int            // of a holder's write: the node
	epoch      uint64         // ... and the epoch it acts under
	start, end int            // start is -1 before the first attempt
	acked      bool
	early      bool // ... before home had it
	copy       int  // ... on the word of the copy at this tag
	atHome     int  // since when home has had it; 0: it never did
	refused    error
	toldEpoch  uint64 // of a takeover: the epoch that the taker was told it owns
}

func (st *story) newOp(kind opKind) *op {
	o := &op{kind: kind, letter: rune('A' + len(st.ops)), id: st.stores[0].NewOp(), start: -1, holder: st.dice.IntN(nodes)}
	o.to = holders[o.holder]
	st.ops = append(st.ops, o)
	return o
}

// try is one attempt at an operation.
func (o *op) try(st *story, ctx context.Context, node int) {
	if o.start < 0 {
		o.start, o.epoch = st.now, max(1, st.told[o.holder])
	}
	s := st.stores[node]
	switch o.kind {
	case creation:
		config := map[string]any{"log": string(o.letter), "eps": "1", "pad": strings.Repeat(".", 200)} // worth compressing
		d := session.Draft{Type: "t", Name: "n", Workspace: "w", Status: session.Active, Config: config, Durability: session.Acked}
		if st.fast {
			d.Durability = session.Fast
		}
		res := s.Create(ctx, Birth{ID: st.id, Draft: d, Owner: holders[node], Chain: o.first})[0]
		if errors.Is(res.Err, session.ErrNotFound) {
			res.Err = nil // made, and deleted since
		}
		o.hear(st, res.Session, res.Err)
	case moving:
		_, err := s.moveCopies(ctx, st.id, st.chains[st.dice.IntN(len(st.chains))])
		var u *session.UnavailableError
		if err != nil && !isRefusal(err) && !errors.As(err, &u) && !errors.Is(err, context.Canceled) {
			st.broke("a move failed: " + err.Error())
		}
	default:
		r, err := st.change(s, ctx, st.id, o.id, o.beside(), o.decide)
		if tag, left := st.left[actorOf(ctx)]; err == nil && !o.acked && left {
			o.early, o.copy = true, tag
		}
		o.hear(st, r.Session, err)
	}
}

// leave puts what is left of a fast change on the stage.
func (st *story) leave(ctx context.Context, rest *step, finish func(context.Context)) bool {
	if actorOf(ctx) == nil { // the story has ended
		return false
	}
	for _, o := range st.ops {
		if o.id == rest.image.stamp.Op {
			st.left[actorOf(ctx)] = rest.writes[0].tag
			st.spawn(st.ctx, fmt.Sprintf("behind %c", o.letter), finish)
		}
	}
	return true
}

// otherChain draws a chain that keeps the records apart.
func (st *story) otherChain() []int {
	s, p := st.stores[0], st.keys.Partition(st.id)
	for {
		chain := st.dice.Perm(len(allCopyTags))[:min(st.factor, s.Factor())-1]
		for i := range chain {
			chain[i]++
		}
		if s.apart(p, chain) {
			return chain
		}
	}
}

// decide makes the record that the operation turns base into, and writes itself into the log.
func (o *op) decide(base Record, id session.OpID) (Record, error) {
	if !base.exists() {
		return Record{}, session.ErrNotFound
	}
	n := base.next(id)
	switch o.kind {
	case publishing:
		n = base.besideBy(id)
		for _, data := range []string{"1", "2"} {
			said := saying(string(o.letter), data)
			said.Idempotency.Key = string(o.letter) + data
			n.publish(said)
		}
	case saving:
		n = base.besideBy(id)
		n.save(session.Context{Data: []byte(string(o.letter)), Type: "text/plain"})
	case erasing:
		n = base.besideBy(id)
		n.erase()
	case writing:
		if n.ExpiresAt = id.Born().Add(time.Duration(o.letter) * time.Hour); o.letter%3 == 0 {
			n.ExpiresAt = time.Time{}
		}
	case holderWrite:
		if base.Stamp.Epoch != o.epoch {
			return Record{}, &session.StaleEpochError{Given: o.epoch, Current: base.Stamp.Epoch, Owner: base.Owner()}
		}
	case takeover:
		n = base.takenOver(id, o.to)
	case deletion:
		n = base.deleted(id)
	}
	n.Config = maps.Clone(base.Config)
	n.Config["log"] = fmt.Sprint(base.Config["log"], string(o.letter))
	n.Config["eps"] = fmt.Sprint(base.Config["eps"], digit(n.Stamp.Epoch))
	return n, nil
}

// beside reports whether the operation changes what lies beside the record alone.
func (o *op) beside() bool { return o.kind == publishing || o.kind == saving || o.kind == erasing }

func digit(epoch uint64) string { return string(rune('0' + epoch)) }

// history is the truth that a record carries.
func history(s session.Session) (log, eps string) {
	log, _ = s.Config["log"].(string)
	eps, _ = s.Config["eps"].(string)
	return log, eps
}

// hear is the client being told what became of an attempt.
func (o *op) hear(st *story, s session.Session, err error) {
	var unavailable *session.UnavailableError
	var stale *session.StaleEpochError
	st.log("%4d %s %c hears %v", st.now, o.kind, o.letter, err)
	switch {
	case err == nil && !o.acked:
		o.acked, o.end = true, st.now
		o.own(st, s)
	case err == nil:
		o.own(st, s)
	case errors.Is(err, session.ErrNotFound) && !st.seeded: // a create under way may yet make it exist
	case errors.Is(err, session.ErrNotFound), errors.As(err, &stale):
		o.refused = err
	case errors.As(err, &unavailable), errors.Is(err, context.Canceled), errors.Is(err, session.ErrUnknownOutcome):
	default:
		st.broke("an unexpected answer: " + err.Error())
	}
}

// own notes the epoch under which a taker was told that it owns the session.
func (o *op) own(st *story, s session.Session) {
	log, eps := history(s)
	i := strings.IndexRune(log, o.letter)
	if o.kind != takeover || i < 0 {
		return
	}
	epoch := uint64(eps[i] - '0')
	if o.toldEpoch != 0 && o.toldEpoch != epoch {
		st.broke("one takeover is told two epochs")
	}
	o.toldEpoch = epoch
	st.told[o.holder] = max(st.told[o.holder], epoch)
}

// reading is what a reader was told.
type reading struct {
	start, end int
	eventual   bool
	log, eps   string
}

// reader returns the body of a reader. Tombstones are read, too: they carry the history.
func (st *story) reader(eventual bool, node int) func(context.Context) {
	return func(ctx context.Context) {
		r := reading{start: st.now, eventual: eventual}
		s, p := st.stores[node], st.stores[node].placeOf(st.id)
		read := s.readEqual
		switch {
		case eventual || st.guard == readHomeAlone:
			read = s.readHome
		case st.guard == readCopyAlone:
			read = s.readFirstCopy
		}
		rec, err := read(ctx, p)
		var unavailable *session.UnavailableError
		switch {
		case err == nil:
			r.end = st.now
			r.log, r.eps = history(rec.Session)
			st.log("%4d reader (eventual %v) hears %q", st.now, eventual, r.log)
			st.reads = append(st.reads, r)
		case errors.As(err, &unavailable), errors.Is(err, context.Canceled):
		default:
			st.broke("a read failed: " + err.Error())
		}
	}
}

// readFirstCopy is what a linearizable read must not be.
func (s *Store) readFirstCopy(ctx context.Context, p place) (Record, error) {
	l, tag := look{}, s.chainFor(p.partition)[0]
	if err := s.read(ctx, p, l, tag); err != nil {
		return Record{}, err
	}
	return p.decode(l[tag])
}

func (st *story) audit(ctx context.Context, node int) {
	report, err := st.stores[node].Audit(ctx, st.keys.Partition(st.id), nil, func(session.Session) {})
	var unavailable *session.UnavailableError
	if err != nil && !errors.As(err, &unavailable) && !errors.Is(err, context.Canceled) {
		st.broke("an audit failed: " + err.Error())
	}
	if report.Unreadable > 0 {
		st.broke("an audit found a record that it cannot read")
	}
}

// guard is a rule of the protocol, outside the scripts, that a control does without.
type guard int

const (
	allGuards guard = iota
	homeFirst
	noRecognition
	readHomeAlone
	readCopyAlone
)

// change is Store.change, or what is left of it without one guard.
func (st *story) change(s *Store, ctx context.Context, id session.ID, o session.OpID, beside bool, d decide) (Record, error) {
	if st.guard != homeFirst && st.guard != noRecognition {
		forgotten := Record.forgotten
		if beside {
			forgotten = Record.forgottenBeside
		}
		return s.changeIn(ctx, id, o, session.WhyPatch, forgotten, time.Time{}, d)
	}
	p := s.placeOf(id)
	base, err := s.readHome(ctx, p)
	for tries := 0; err == nil; tries++ {
		if base.applied(o) && st.guard != noRecognition {
			return base, nil
		}
		next, refusal := d(base, o)
		if refusal != nil && tries > 0 {
			return Record{}, refusal
		}
		if refusal == nil && st.overwrite(s, ctx, p, base, next) {
			return next, nil
		}
		base, err = s.resolve(ctx, p, base.Chain)
	}
	return Record{}, redisx.Wrap(err)
}

// overwrite writes next over base, in the right order or with home first.
func (st *story) overwrite(s *Store, ctx context.Context, p place, base, next Record) bool {
	im, err := s.codec.image(next)
	if err != nil {
		return false
	}
	writes := over(base)
	if st.guard == homeFirst {
		last := len(writes) - 1
		writes = append([]write{writes[last]}, writes[:last]...)
	}
	step := newStep(p, session.WhyPatch, base.Holder.Node, im, writes)
	step.attachAll(next.attach)
	s.apply(ctx, step)
	return step.outcome() == nil
}
