package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// agreeLimit is how long after the load counts, leases and places may take to be right: two sync rounds, and some for a busy machine.
const agreeLimit = 2*syncInterval + 10*time.Second

// checkFleet holds the state that the run left against the promises that hold after recovery.
func (w *world) checkFleet() {
	for promise, ask := range map[string]func(*keys) error{Counted: w.counted, OwnedAgain: w.owned, Apart: w.apart} {
		began := time.Now()
		err := await(agreeLimit, func() error {
			k, err := w.scan(context.Background())
			if err != nil {
				return err
			}
			return ask(k)
		})
		if err != nil {
			w.found.add(promise, "", "%s after the load: %v", time.Since(began).Round(time.Second), err)
		}
	}
}

// counted holds that a node's live count by the API, the sessions that it owns and the leases that it holds are equal. An attempt whose
// outcome nobody was told may be counted on top, until its deadline: longer than a run is watched.
func (w *world) counted(k *keys) error {
	var m struct {
		NodeDetails []struct {
			ID       string
			Sessions int
		}
	}
	if err := w.get(w.nodes[0], "/v1/cluster/metrics", &m); err != nil {
		return err
	}
	var bad error
	for _, n := range m.NodeDetails {
		owned, over := k.owned[n.ID], n.Sessions-k.owned[n.ID]
		if over < 0 || over > k.open[n.ID] || owned != k.leases[n.ID] || n.Sessions != k.load[n.ID] {
			bad = errors.Join(bad, fmt.Errorf("%s counts %d, owns %d, holds %d leases, load says %d, %d attempts are open",
				n.ID, n.Sessions, owned, k.leases[n.ID], k.load[n.ID], k.open[n.ID]))
		}
	}
	return bad
}

// owned holds that every session is owned, by a node that lives.
func (w *world) owned(k *keys) error {
	all, err := w.page(w.nodes[0], "")
	if err != nil {
		return err
	}
	if len(all) != len(k.homes) {
		return fmt.Errorf("%d sessions are listed, %d have a home", len(all), len(k.homes))
	}
	sum := 0
	for _, n := range w.nodes {
		sum += k.owned[n.Name()]
	}
	if sum != len(all) {
		return fmt.Errorf("of %d sessions %d are owned by nodes that live", len(all), sum)
	}
	return nil
}

// apart holds that each session has a copy on another master than its home's, where there is one.
func (w *world) apart(k *keys) error {
	if w.redis.Masters() < 2 {
		return nil
	}
	for id, home := range k.homes {
		away := 0
		for _, master := range k.copies[id] {
			if master != home {
				away++
			}
		}
		if away == 0 {
			return fmt.Errorf("session %s has its home on %s and copies on %v", id, home, k.copies[id])
		}
	}
	return nil
}

// stayedPut holds that no epoch rose but by a client's own migration.
func (w *world) stayedPut(ops []Op) {
	for id, of := range bySession(ops) {
		epoch, asked := uint64(1), uint64(0)
		for _, o := range of {
			if o.Seen != nil {
				epoch = max(epoch, o.Seen.Epoch)
			}
			if o.Kind == Migrate && (o.Outcome != No || o.Code == codeStale || o.Status == 404) { // it may have moved and been deleted since
				asked++ // one that was done and then overtaken by another is told the epoch of that
			}
		}
		if epoch > 1+asked {
			w.found.add(StayedPut, id, "it is at epoch %d, and clients moved it %d times at most", epoch, asked)
		}
	}
}

// unseen holds that every call was answered with what it asked for, or refused for a reason of its own.
func (w *world) unseen(ops []Op) {
	for _, o := range noticed(ops, w.cluster != nil && w.cluster.GaveBack() > 0) {
		w.found.add(Unnoticed, o.Session, "%d ms: %s", o.Return.Milliseconds(), o)
	}
}

// noticed are the calls that met an error. Where Redis itself lost a slot while slots were moved, and an operator had to give it to a master
// again, the store could not be reached meanwhile, and may say so.
func noticed(ops []Op, slotLost bool) (met []Op) {
	for _, o := range ops {
		if o.Outcome == Unknown && !(slotLost && o.Status == 503 && o.Code == codeUnavailable) {
			met = append(met, o)
		}
	}
	return met
}

// capWatch looks at the fleet's counts during the run.
type capWatch struct{ found findings }

// run asks each node in turn until the context ends.
func (c *capWatch) run(ctx context.Context, urls map[string]string) {
	h := newHTTP(clientTimeout)
	defer h.CloseIdleConnections()
	for ctx.Err() == nil {
		for _, url := range urls {
			var m struct {
				NodeDetails []struct {
					ID       string
					Sessions int
				}
			}
			a, err := send(ctx, h, "GET", url+"/v1/cluster/metrics", nil, nil)
			if err != nil || a.status != 200 || json.Unmarshal(a.body, &m) != nil {
				continue
			}
			for _, n := range m.NodeDetails {
				if n.Sessions > maxSessions {
					c.found.add(Counted, "", "%s was given %d sessions, its cap is %d", n.ID, n.Sessions, maxSessions)
				}
			}
			wait(ctx, 100*time.Millisecond)
		}
	}
}
