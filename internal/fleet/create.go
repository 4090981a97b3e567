package fleet

import (
	"context"
	"errors"
	"math/rand/v2"

	"orchestrator/internal/balancer"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Create makes a session: a node is chosen and its room reserved, then the records are written. With an idempotency key the same
// request made again returns the same session, created being false. It returns a *session.NoCapacityError where no node has room.
func (s *Service) Create(ctx context.Context, d session.Draft, idem session.Idempotency) (made session.Session, created bool, err error) {
	if err := d.Validate(); err != nil {
		return session.Session{}, false, err
	}
	one := &newcomer{draft: d}
	if idem.Key != "" {
		id := s.Store.NewID()
		if one.claim, err = s.Store.Claim(ctx, idem, id); err != nil {
			return session.Session{}, false, err
		}
		if one.claim.Session != id {
			made, err = s.Store.Get(ctx, one.claim.Session, session.Linearizable)
			if !errors.Is(err, session.ErrNotFound) {
				return made, false, err
			}
		}
	}
	if d.Placement != (session.Placement{}) {
		s.createGroup(ctx, d.Placement, []*newcomer{one})
	} else if err := s.creates.Do(ctx, one); err != nil {
		return session.Session{}, false, err
	}
	return one.Session, one.Err == nil && one.Applied, one.Err
}

// newcomer is a session on its way to be made.
type newcomer struct {
	draft          session.Draft
	claim          sessionstore.Claim // where the id is given; else it is drawn with those of the others
	session.Result                    // Applied: by this very attempt, not by another at the same id
}

const (
	createWidth = 2   // groups of single creates that are under way at once
	createMost  = 500 // sessions in one of them
)

// createTogether makes sessions that came at the same time, none of which prefers a place.
func (s *Service) createTogether(ctx context.Context, group []*newcomer) {
	s.createGroup(ctx, session.Placement{}, group)
}

func birth(c sessionstore.Claim, d session.Draft, p balancer.Placed) sessionstore.Birth {
	return sessionstore.Birth{ID: c.Session, Chain: c.Chain, Draft: d, Owner: p.Node, NotAfter: p.Until}
}

// settleArrival ends a reservation whose outcome is known: kept if this very attempt's change was made, whatever has become of the
// session since, for whoever moved it on accounts for that. Where the outcome is not known, because Redis did not answer, the session
// may still come: the reservation stands until its deadline, after which the records tell.
func (s *Service) settleArrival(p balancer.Placed, res session.Result) {
	if known(p, res) {
		s.settler.add(balancer.Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node, Kept: res.Applied})
	}
}

// known reports whether it is known if the session has come by a reservation. Where an earlier change under it had no answer, that a later
// one was not made says nothing.
func known(p balancer.Placed, res session.Result) bool {
	return res.Applied || !p.Again && (res.Err == nil || decided(res.Err))
}

// giveBack ends reservations for which nothing was written.
func (s *Service) giveBack(placed ...balancer.Placed) {
	for _, p := range placed {
		if !p.Again {
			s.settler.add(balancer.Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node})
		}
	}
}

// perPartition is how many sessions of a batch share a partition, and so a script call, where the batch is large enough.
const perPartition = 50

// CreateBatch makes many sessions; each has its own outcome, in order. Their ids are drawn so that few partitions serve the batch.
func (s *Service) CreateBatch(ctx context.Context, drafts []session.Draft) []session.Result {
	all := make([]newcomer, len(drafts))
	groups := map[session.Placement][]*newcomer{}
	for i, d := range drafts {
		one := &all[i]
		if one.Err = d.Validate(); one.Err == nil {
			one.draft = d
			groups[d.Placement] = append(groups[d.Placement], one)
		}
	}
	for prefer, group := range groups {
		s.createGroup(ctx, prefer, group)
	}
	results := make([]session.Result, len(all))
	for i := range all {
		results[i] = all[i].Result
	}
	return results
}

// batchIDs returns n fresh ids that lie in few partitions.
func (s *Service) batchIDs(n int) []session.ID {
	total := s.Store.Partitions()
	few := min(total, (n+perPartition-1)/perPartition)
	first := rand.IntN(total)
	ids := make([]session.ID, n)
	for i := range ids {
		// Steps of total/few spread the chosen partitions over the slots, and so over the masters.
		ids[i] = s.Store.NewID().InPartition((first+i%few*(total/few))%total, total)
	}
	return ids
}

// createGroup makes sessions that prefer the same placement.
func (s *Service) createGroup(ctx context.Context, prefer session.Placement, group []*newcomer) {
	s.draw(group)
	attempts := make([]balancer.Attempt, len(group))
	byKey := make(map[string]*newcomer, len(group))
	for i, one := range group {
		attempts[i] = balancer.Attempt{Session: one.claim.Session, Key: string(s.Store.NewOp())}
		byKey[attempts[i].Key] = one
		one.Err = &session.UnavailableError{Reason: "the session was not placed"}
	}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: attempts, Candidates: s.Members.View().Nodes(), Prefer: prefer})
	if err != nil {
		for _, one := range group {
			one.Err = err
		}
	}
	births := make([]sessionstore.Birth, len(placed))
	for i, p := range placed {
		one := byKey[p.Key]
		births[i] = birth(one.claim, one.draft, p)
	}
	for i, res := range s.Store.Create(ctx, births...) {
		s.settleArrival(placed[i], res)
		byKey[placed[i].Key].Result = res
	}
}

// draw gives those an id that have none.
func (s *Service) draw(group []*newcomer) {
	var without []*newcomer
	for _, one := range group {
		if one.claim.Session == "" {
			without = append(without, one)
		}
	}
	for i, id := range s.batchIDs(len(without)) {
		without[i].claim = sessionstore.Claim{Session: id, Chain: s.Store.ChainFor(id)}
	}
}
