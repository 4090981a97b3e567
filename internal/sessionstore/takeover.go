package sessionstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// Takeover gives one session to another holder at the next epoch.
type Takeover struct {
	ID       session.ID
	From     session.Holder // who must own it now
	Epoch    uint64         // at which it must own it; 0: at whatever epoch
	To       session.Holder
	Why      session.Reason
	NotAfter time.Time // by the servers' clocks: when the balancer's reservation ends; zero: no limit
}

// TakeOver gives sessions to new holders; each has its own outcome, in order. One that no longer belongs to From at Epoch is a
// *session.StaleEpochError, one that is gone session.ErrNotFound. The new holder owns a session only after this returned it. Where a master
// does not answer, one of the sessions that it keeps waiting is waited for once more, not each in turn.
func (s *Store) TakeOver(ctx context.Context, takeovers ...Takeover) []session.Result {
	results, ops := make([]session.Result, len(takeovers)), make([]session.OpID, len(takeovers))
	bases, failures := s.readHomes(ctx, takeovers)
	var steps []*step
	var nexts []Record
	at := map[*step]int{}
	for i, t := range takeovers {
		ops[i] = s.NewOp()
		if !s.apart(s.keys.Partition(t.ID), bases[i].Chain) {
			continue // as in change: resolve it first
		}
		next, err := t.decide(bases[i], ops[i])
		if err != nil {
			continue
		}
		im, err := s.codec.imageOver(next, bases[i])
		if err != nil {
			continue
		}
		st := newStep(s.placeOf(t.ID), t.Why, bases[i].Holder.Node, im, over(bases[i]))
		st.must, st.notAfter = true, t.NotAfter
		steps, nexts, at[st] = append(steps, st), append(nexts, next), i
	}
	s.apply(ctx, steps...)
	begun, taken := make([]bool, len(takeovers)), make([]bool, len(takeovers))
	for n, st := range steps {
		s.cache.forget(st.place.session)
		begun[at[st]] = true
		if failures[at[st]] = st.outcome(); failures[at[st]] == nil {
			results[at[st]], taken[at[st]] = session.Result{Session: nexts[n].Session, Applied: true}, true
			s.witness.saw(nexts[n].ID, nexts[n].Stamp.Op)
		}
	}
	waited := false
	for i, t := range takeovers {
		switch {
		case taken[i]:
		case waited && unreachable(failures[i]):
			results[i].Err = failures[i]
		default:
			results[i] = s.takeOne(ctx, t, ops[i])
			results[i].Err = unsure(begun[i], results[i].Err)
			waited = waited || unreachable(results[i].Err)
		}
	}
	return results
}

// decide is the takeover as a change of base.
func (t Takeover) decide(base Record, op session.OpID) (Record, error) {
	switch {
	case !base.exists():
		return Record{}, session.ErrNotFound
	case base.Holder != t.From || t.Epoch != 0 && base.Stamp.Epoch != t.Epoch:
		return Record{}, &session.StaleEpochError{Given: t.Epoch, Current: base.Stamp.Epoch, Owner: base.Owner()}
	}
	return base.takenOver(op, t.To), nil
}

// takeOne takes one session over by itself, under the operation that may have been applied already. What somebody else took over
// or deleted since is no longer this holder's, though the takeover was applied.
func (s *Store) takeOne(ctx context.Context, t Takeover, op session.OpID) session.Result {
	r, err := s.change(ctx, t.ID, op, t.Why, t.NotAfter, t.decide)
	if err != nil {
		return session.Result{Err: err}
	}
	if !r.exists() || r.Holder != t.To || t.Epoch != 0 && r.Stamp.Epoch != t.Epoch+1 {
		_, err = t.decide(r, op)
		return session.Result{Applied: true, Err: err}
	}
	return session.Result{Session: r.Session, Applied: true}
}

// readHomes reads the home records in one flush; one that cannot be read is left zero and dealt with alone, unless its master does not answer.
func (s *Store) readHomes(ctx context.Context, takeovers []Takeover) ([]Record, []error) {
	records, failures := make([]Record, len(takeovers)), make([]error, len(takeovers))
	cmds := make([]*redis.MapStringStringCmd, len(takeovers))
	_ = s.redis.Read(ctx, func(pipe redis.Pipeliner) { // each command has its own outcome
		for i, t := range takeovers {
			cmds[i] = pipe.HGetAll(ctx, s.keys.Session(t.ID))
		}
	})
	for i, t := range takeovers {
		if err := cmds[i].Err(); err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			failures[i] = redisx.Wrap(err)
			continue
		}
		p := s.placeOf(t.ID)
		if f, err := readFound(p, home, cmds[i]); err == nil {
			records[i], _ = p.decode(f)
		}
	}
	return records, failures
}
