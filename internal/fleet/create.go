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
	id := s.Store.NewID()
	claim := sessionstore.Claim{Session: id, Chain: s.Store.ChainFor(id)}
	if idem.Key != "" {
		if claim, err = s.Store.Claim(ctx, idem, id); err != nil {
			return session.Session{}, false, err
		}
		if claim.Session != id {
			made, err = s.Store.Get(ctx, claim.Session, session.Linearizable)
			if !errors.Is(err, session.ErrNotFound) {
				return made, false, err
			}
		}
	}
	made, won, err := s.createOne(ctx, claim, d)
	return made, err == nil && won, err
}

// createOne places and writes one session; won is false where another attempt at the same id came first.
func (s *Service) createOne(ctx context.Context, c sessionstore.Claim, d session.Draft) (made session.Session, won bool, err error) {
	attempt := balancer.Attempt{Session: c.Session, Key: string(s.Store.NewOp())}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: []balancer.Attempt{attempt}, Candidates: s.Members.View().Nodes(), Prefer: d.Placement})
	if err != nil {
		return session.Session{}, false, err
	}
	births := []sessionstore.Birth{birth(c, d, placed[0])}
	res := s.Store.Create(ctx, births...)[0]
	s.settleArrival(placed[0], res)
	return res.Session, res.Applied, res.Err
}

func birth(c sessionstore.Claim, d session.Draft, p balancer.Placed) sessionstore.Birth {
	return sessionstore.Birth{ID: c.Session, Chain: c.Chain, Draft: d, Owner: p.Node, NotAfter: p.Until}
}

// settleArrival ends a reservation whose outcome is known: kept if this very attempt's change was made, whatever has become of the
// session since, for whoever moved it on accounts for that. Where the outcome is not known, because Redis did not answer, the session
// may still come: the reservation stands until its deadline, after which the records tell.
func (s *Service) settleArrival(p balancer.Placed, res session.Result) {
	if res.Applied || res.Err == nil || decided(res.Err) {
		s.settler.add(balancer.Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node, Kept: res.Applied})
	}
}

// giveBack ends reservations for which nothing was written.
func (s *Service) giveBack(placed ...balancer.Placed) {
	for _, p := range placed {
		s.settler.add(balancer.Outcome{Key: p.Key, Session: p.Session, Node: p.Node.Node})
	}
}

// decided reports whether an error means that nothing was changed and nothing in flight can still change it.
func decided(err error) bool {
	var unavailable *session.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Refused {
		return true
	}
	return !errors.As(err, &unavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
		!errors.Is(err, session.ErrUnknownOutcome)
}

// perPartition is how many sessions of a batch share a partition, and so a script call, where the batch is large enough.
const perPartition = 50

// CreateBatch makes many sessions; each has its own outcome, in order. Their ids are drawn so that few partitions serve the batch.
func (s *Service) CreateBatch(ctx context.Context, drafts []session.Draft) []session.Result {
	results := make([]session.Result, len(drafts))
	groups := map[session.Placement][]int{}
	for i := range drafts {
		if results[i].Err = drafts[i].Validate(); results[i].Err == nil {
			groups[drafts[i].Placement] = append(groups[drafts[i].Placement], i)
		}
	}
	ids := s.batchIDs(len(drafts))
	for prefer, group := range groups {
		s.createGroup(ctx, prefer, group, ids, drafts, results)
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

// createGroup makes the drafts of a batch that prefer the same placement.
func (s *Service) createGroup(ctx context.Context, prefer session.Placement, group []int, ids []session.ID, drafts []session.Draft, results []session.Result) {
	attempts := make([]balancer.Attempt, len(group))
	index := map[string]int{}
	for n, i := range group {
		attempts[n] = balancer.Attempt{Session: ids[i], Key: string(s.Store.NewOp())}
		index[attempts[n].Key] = i
		results[i].Err = &session.UnavailableError{Reason: "the session was not placed"}
	}
	placed, err := s.Placer.Reserve(ctx, balancer.Request{Attempts: attempts, Candidates: s.Members.View().Nodes(), Prefer: prefer})
	if err != nil {
		for _, i := range group {
			results[i].Err = err
		}
	}
	births := make([]sessionstore.Birth, len(placed))
	for n, p := range placed {
		claim := sessionstore.Claim{Session: p.Session, Chain: s.Store.ChainFor(p.Session)}
		births[n] = birth(claim, drafts[index[p.Key]], p)
	}
	for n, res := range s.Store.Create(ctx, births...) {
		s.settleArrival(placed[n], res)
		results[index[placed[n].Key]] = res
	}
}
