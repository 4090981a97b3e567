package chaos

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkHistory holds everything that clients were told against the promises. moved says that slots changed their master.
func checkHistory(ops []Op, moved bool) (findings, []proof) {
	var found findings
	checkCreates(ops, &found)
	sessions := bySession(ops)
	for id, of := range sessions {
		checkOwners(id, of, &found)
		checkEpochs(id, of, &found)
		checkFencing(id, of, &found)
		checkMoves(id, of, &found)
		checkMessages(id, of, &found)
	}
	var all []search
	for id, of := range sessions {
		s, broken := tell(id, of, moved)
		all, found = append(all, s.search().after(broken)), append(found, broken...)
		if c, broken := tellContext(id, of); len(c.ops) > 0 {
			all, found = append(all, c.search().after(broken)), append(found, broken...)
		}
	}
	proofs := searchAll(all)
	for _, p := range proofs {
		switch p.result {
		case porcupine.Illegal:
			found.add(Linearizable, p.session, "no order of the %s's %d calls explains the answers", p.of, p.calls)
		case porcupine.Unknown:
			found.add(Linearizable, p.session, "the %s's %d calls were not ordered within %s: not decided", p.of, p.calls, p.patience)
		}
	}
	return found, proofs
}

// checkCreates holds that one key made one session.
func checkCreates(ops []Op, found *findings) {
	made := map[string]string{}
	for _, o := range ops {
		if o.Kind != Create || o.Outcome != OK {
			continue
		}
		if was, ok := made[o.Value]; ok && was != o.Session {
			found.add(AtMostOnce, o.Session, "key %s made this session and %s", o.Value, was)
		}
		made[o.Value] = o.Session
	}
}

// checkOwners holds that all answers, of whatever kind, name one owner for each epoch.
func checkOwners(id string, ops []Op, found *findings) {
	owners := map[uint64]string{}
	for _, o := range ops {
		if o.Seen == nil || o.Seen.Owner == "" {
			continue
		}
		if was, ok := owners[o.Seen.Epoch]; ok && was != o.Seen.Owner {
			found.add(OneOwner, id, "epoch %d belongs to %s and to %s", o.Seen.Epoch, was, o.Seen.Owner)
		}
		owners[o.Seen.Epoch] = o.Seen.Owner
	}
}

// checkEpochs holds that no linear answer tells an epoch or a version lower than one told before the call began.
func checkEpochs(id string, ops []Op, found *findings) {
	told := toldOver(ops)
	for _, o := range ops {
		if !o.Linear() || o.Seen == nil || o.buried() {
			continue
		}
		before := told.before(o.Call)
		if o.Seen.Epoch < before.Epoch {
			found.add(OneOwner, id, "epoch %d was told after epoch %d: %s", o.Seen.Epoch, before.Epoch, o)
		}
		if o.Seen.Stamped() && o.Seen.Version < before.Version {
			found.add(NothingLost, id, "version %d was told after version %d: %s", o.Seen.Version, before.Version, o)
		}
	}
}

// checkFencing holds that no write under an epoch was done that began after a higher epoch was told to anybody.
func checkFencing(id string, ops []Op, found *findings) {
	told := toldOver(ops)
	for _, o := range ops {
		if o.Epoch == 0 || o.Outcome != OK {
			continue
		}
		if before := told.before(o.Call); before.Epoch > o.Epoch {
			found.add(Fenced, id, "a holder of epoch %d wrote after epoch %d was told: %s", o.Epoch, before.Epoch, o)
		}
	}
}

// checkMoves holds that a migration that was done either found the session where it was to go or raised an epoch told before.
func checkMoves(id string, ops []Op, found *findings) {
	told := toldOver(ops)
	for _, o := range ops {
		if o.Kind != Migrate || o.Outcome != OK {
			continue
		}
		if before := told.before(o.Call); o.Target != "" && o.Seen.Owner != o.Target || o.Target == "" && o.Seen.Epoch <= before.Epoch {
			found.add(Linearizable, id, "it did not move: %s", o)
		}
	}
}

// told is the highest epoch and version that had been told by each moment, by linear answers.
type told []struct {
	at   time.Duration
	high State
}

func toldOver(ops []Op) told {
	var t told
	linear := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return !o.Linear() || o.Seen == nil })
	slices.SortFunc(linear, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	var high State
	for _, o := range linear {
		high.Epoch, high.Version = max(high.Epoch, o.Seen.Epoch), max(high.Version, o.Seen.Version)
		t = append(t, struct {
			at   time.Duration
			high State
		}{o.Return, high})
	}
	return t
}

// before returns what had been told before a moment.
func (t told) before(at time.Duration) State {
	n, _ := slices.BinarySearchFunc(t, at, func(e struct {
		at   time.Duration
		high State
	}, at time.Duration) int {
		return cmp.Compare(e.at, at)
	})
	if n == 0 {
		return State{}
	}
	return t[n-1].high
}

// searchLimit is how long the search for one order may take.
const searchLimit = 20 * time.Second

// What a search is about.
const (
	ofSession = "session"
	ofContext = "context"
)

// search is a history that must have an order.
type search struct {
	session  string
	of       string
	calls    int
	model    porcupine.Model
	acts     []porcupine.Operation
	patience time.Duration
}

// proof is the outcome of a search.
type proof struct {
	search
	result porcupine.CheckResult
	info   porcupine.LinearizationInfo
}

// searchAll looks for an order of each history.
func searchAll(all []search) []proof {
	proofs := make([]proof, len(all))
	var wg sync.WaitGroup
	turn := make(chan struct{}, 2)
	for i, s := range all {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			proofs[i] = s.run()
		})
	}
	wg.Wait()
	return proofs
}

// after gives the search less time where something cannot be as it is: no order is there to be found, it is searched for the picture alone.
func (s search) after(broken findings) search {
	if len(broken) > 0 {
		s.patience = searchLimit / 20
	}
	return s
}

func (s search) run() proof {
	result, info := porcupine.CheckOperationsVerbose(s.model, s.acts, s.patience)
	return proof{s, result, info}
}

func (s *story) search() search {
	return search{session: s.id, of: ofSession, calls: len(s.ops), model: s.model(), acts: s.acts(), patience: searchLimit}
}
