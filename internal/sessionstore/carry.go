package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// lying is what lies beside the records of a chain: by tag, how the messages end and which operation wrote the context; "" where there is none.
type lying map[int]struct{ last, context string }

// lyingAt looks at what lies beside the records at the tags.
func (s *Store) lyingAt(ctx context.Context, p place, tags []int) (lying, error) {
	ends, ops := make([]*redis.XMessageSliceCmd, len(tags)), make([]*redis.StringCmd, len(tags))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, tag := range tags {
			keys := p.beside(tag)
			ends[i], ops[i] = pipe.XRevRangeN(ctx, keys[0], "+", "-", 1), pipe.GetRange(ctx, keys[1], 0, opSize-1)
		}
	})
	if err != nil {
		return nil, err
	}
	found := lying{}
	for i, tag := range tags {
		at := found[tag]
		for n, err := range []error{ends[i].Err(), ops[i].Err()} {
			if err != nil && err != redis.Nil {
				return nil, &session.CorruptError{Key: p.beside(tag)[n], Reason: "it holds something of another type"}
			}
		}
		if newest := ends[i].Val(); len(newest) > 0 {
			at.last = newest[0].ID
		}
		at.context = ops[i].Val()
		found[tag] = at
	}
	return found, nil
}

// carry finds what must be done so that what the winner says lies beside it does so at home and at its chain's places, and nothing lies anywhere
// else. It returns the writes that are needed for it beside those given: of the winner over itself. Where nothing is beside any record,
// nothing is read.
func (s *Store) carry(ctx context.Context, p place, l look, tags []int, w found, writes []write) ([]write, map[int]*attachment, error) {
	if p.digest != "" || !slices.ContainsFunc(tags, func(tag int) bool { return l[tag].dropping() != nil }) {
		return writes, nil, nil
	}
	belongs := append(slices.Clone(w.head.Chain), home)
	all := slices.Clone(tags)
	for _, tag := range belongs {
		if !slices.Contains(all, tag) {
			all = append(all, tag)
		}
	}
	there, err := s.lyingAt(ctx, p, all)
	if err != nil {
		return nil, nil, err
	}
	attach := map[int]*attachment{}
	for _, tag := range all {
		written := slices.ContainsFunc(writes, func(w write) bool { return w.tag == tag })
		if !written && l[tag].head.Stamp != w.head.Stamp {
			continue // a pointer, which is dropped in its time
		}
		want := beside{}
		if slices.Contains(belongs, tag) {
			want = w.besideOf()
		}
		says := want
		if written {
			says = l[tag].says()
		}
		a, err := s.bring(ctx, p, there, tag, says, want)
		if errors.Is(err, errMissing) {
			err = s.still(ctx, p, l, there, all, err)
		}
		if err != nil {
			return nil, nil, err
		}
		if a == nil {
			continue
		}
		attach[tag] = a
		if !written {
			writes = slices.Insert(writes, lastCopy(writes, tag), write{tag, w.head.Stamp})
		}
	}
	return writes, attach, nil
}

// says is what a record that was found says lies beside it there: a pointer, nothing.
func (f found) says() beside {
	if f.tag != home && !slices.Contains(f.head.Chain, f.tag) {
		return beside{}
	}
	return f.besideOf()
}

// still returns nil where the records, and what lies beside them, are those of the look, and a refusal where one has changed: a record may be the
// same because a change was lost with its place and made again, and it is seen by what lies there that it was away meanwhile. What was found nowhere
// beside records that are still the same is lost: what is there stays, and whoever asks for it is told.
func (s *Store) still(ctx context.Context, p place, l look, there lying, tags []int, why error) error {
	now := look{}
	if err := s.read(ctx, p, now, tags...); err != nil {
		return err
	}
	for _, tag := range tags {
		if now[tag].head.Stamp != l[tag].head.Stamp {
			return errRefused
		}
	}
	beside, err := s.lyingAt(ctx, p, tags)
	if err != nil {
		return err
	}
	if !maps.Equal(beside, there) {
		return errRefused
	}
	s.log.Warn("what lies beside a session's records is lost", "session", p.session, "error", why)
	return nil
}

// lastCopy is where a write at a tag goes: home's comes last.
func lastCopy(writes []write, tag int) int {
	if n := len(writes); tag != home && n > 0 && writes[n-1].tag == home {
		return n - 1
	}
	return len(writes)
}

// errMissing means that no place has what a record says lies beside it.
var errMissing = fmt.Errorf("%w: no place has what the record names", errRefused)

// bring returns what is to be done at a tag so that what is wanted lies there; nil: nothing. With errMissing it returns what can be done. What
// lies there was looked at after the record that says what should, and may be of another time: nothing is done where both are as wanted.
func (s *Store) bring(ctx context.Context, p place, there lying, tag int, says, want beside) (*attachment, error) {
	a, is := newAttachment(), there[tag]
	var missing error
	switch {
	case want.Last.IsZero():
		if is.last != "" || !says.Last.IsZero() {
			a.messages = drop
		}
	case is.last != want.Last.String() || says.Last != want.Last:
		missing = s.bringMessages(ctx, p, there, is.last, says.Last, want.Last, a)
	}
	if missing != nil && !errors.Is(missing, errMissing) {
		return nil, missing
	}
	switch {
	case want.Context.IsZero():
		if is.context != "" || !says.Context.IsZero() {
			a.context = drop
		}
	case is.context != string(want.Context.Op) || says.Context != want.Context:
		if err := s.bringContext(ctx, p, there, want.Context.Op, a); err != nil {
			missing = err
		}
	}
	if a.messages == keep && a.context == keep {
		a = nil
	}
	return a, missing
}

// bringMessages reads messages that end as wanted from a place that has them: those that are missing behind the last one that is there, or all
// where that one is not among them, or is not what the record there says: to a stream whose end was taken off nothing of the same id can be added.
func (s *Store) bringMessages(ctx context.Context, p place, there lying, last string, says, want session.MessageID, a *attachment) error {
	from := slices.IndexFunc(placesOf(there), func(tag int) bool { return there[tag].last == want.String() })
	if from < 0 {
		return errMissing
	}
	key := p.beside(placesOf(there)[from])[0]
	if last == says.String() && says.Position < want.Position {
		entries, err := s.entriesOf(ctx, key, last, want)
		if err != nil {
			return err
		}
		if entries[0] == last {
			a.messages, a.expects, a.ends, a.entries = add, says, want, entries[entryArgs:]
			return nil
		}
	}
	entries, err := s.entriesOf(ctx, key, "-", want)
	a.messages, a.ends, a.entries = whole, want, entries
	return err
}

// placesOf lists the places in order, home first.
func placesOf(there lying) []int {
	tags := make([]int, 0, len(there))
	for tag := range there {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// bringContext reads the context that op wrote from a place that has it.
func (s *Store) bringContext(ctx context.Context, p place, there lying, op session.OpID, a *attachment) error {
	from := slices.IndexFunc(placesOf(there), func(tag int) bool { return there[tag].context == string(op) })
	if from < 0 {
		return errMissing
	}
	value, err := s.contextOf(ctx, p.beside(placesOf(there)[from])[1], op)
	a.context, a.value = set, value
	return err
}

// contextOf reads what op wrote; where something else is there by now, that is a refusal.
func (s *Store) contextOf(ctx context.Context, key string, op session.OpID) (string, error) {
	var cmd *redis.StringCmd
	if err := s.redis.Read(ctx, func(pipe redis.Pipeliner) { cmd = pipe.Get(ctx, key) }); err != nil {
		return "", err
	}
	if len(cmd.Val()) < opSize || cmd.Val()[:opSize] != string(op) {
		return "", errRefused
	}
	return cmd.Val(), nil
}

// entryArgs is how many arguments of attach.lua make a message.
const entryArgs = 6

// entriesOf reads messages as attach.lua takes them. They end as wanted: where they do not any more, that is a refusal. How they end is proof
// that they are those that the record with this end is about, whatever the record beside them says by now.
func (s *Store) entriesOf(ctx context.Context, key, from string, want session.MessageID) ([]any, error) {
	var cmd *redis.XMessageSliceCmd
	if err := s.redis.Read(ctx, func(pipe redis.Pipeliner) { cmd = pipe.XRange(ctx, key, from, want.String()) }); err != nil {
		return nil, err
	}
	all := cmd.Val()
	if len(all) == 0 || all[len(all)-1].ID != want.String() {
		return nil, errRefused
	}
	args := make([]any, 0, entryArgs*len(all))
	for _, m := range all {
		args = append(args, m.ID)
		for _, name := range []string{entryKind, entryData, entryAt, entryEpoch, entryKey} {
			text, _ := m.Values[name].(string)
			args = append(args, text)
		}
	}
	return args, nil
}

// nowhere is a place where nothing lies.
const nowhere = -1

// carriedWhole is what a new place of a record must be given: all that lies beside it now, without what is lost; nil: nothing.
func (s *Store) carriedWhole(ctx context.Context, p place, r Record) (*attachment, error) {
	if r.Beside.nothing() {
		return nil, nil
	}
	tags := append([]int{home}, r.Chain...)
	there, err := s.lyingAt(ctx, p, tags)
	if err != nil {
		return nil, err
	}
	a, err := s.bring(ctx, p, there, nowhere, beside{}, r.Beside)
	if errors.Is(err, errMissing) {
		l := look{}
		for _, tag := range tags {
			l[tag] = found{tag: tag, head: head{Stamp: r.Stamp}}
		}
		err = s.still(ctx, p, l, there, tags, err)
	}
	return a, err
}

// tornOf finds, among sessions of which the fields of home's record are known, those beside whose records lies something else than home's
// says, at home or at its chain's places. Where nothing is beside any of them, nothing is read.
func (s *Store) tornOf(ctx context.Context, homes map[session.ID]map[string]string) (map[session.ID]bool, error) {
	type end struct {
		last *redis.XMessageSliceCmd
		op   *redis.StringCmd
	}
	ends := map[session.ID][]end{}
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for id, f := range homes {
			if f[fieldDeleted] == "1" || f[fieldMessages] == "" && f[fieldContext] == "" {
				continue
			}
			chain, _ := parseTags(f[fieldChain]) // where it cannot be read, the comparison says so
			all := make([]end, 0, 1+len(chain))
			for _, tag := range append(chain, home) {
				keys := s.placeOf(id).beside(tag)
				all = append(all, end{pipe.XRevRangeN(ctx, keys[0], "+", "-", 1), pipe.GetRange(ctx, keys[1], 0, opSize-1)})
			}
			ends[id] = all
		}
	})
	torn := map[session.ID]bool{}
	for id, all := range ends {
		context, _ := session.ParseStamp(homes[id][fieldContext])
		for _, e := range all {
			last := ""
			if newest := e.last.Val(); len(newest) > 0 {
				last = newest[0].ID
			}
			torn[id] = torn[id] || last != homes[id][fieldMessages] || e.op.Val() != string(context.Op)
		}
	}
	return torn, err
}
