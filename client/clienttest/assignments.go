package clienttest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"time"

	"orchestrator/client"
)

// follower is one stream of a node's assignments.
type follower struct {
	watcher string
	grants  map[string]uint64 // what it was told and has not given back: epochs by session
	asked   map[string]bool   // and was asked for
	queue   []item
	until   time.Time // the last that it was told
	reason  string    // why it ends; empty: it does not
}

// cut ends a stream. What was told stands until the last until has passed.
func (w *follower) cut(reason string) {
	if w.reason == "" {
		w.reason = reason
	}
}

// assigned returns what the node owns; without what it is about to give away, where only what is to be run is asked for.
func (n *node) assigned(toRun bool) []client.Assignment {
	all := []client.Assignment{}
	for _, id := range slices.Sorted(maps.Keys(n.fleet.sessions)) {
		if s := n.fleet.sessions[id]; s.Owner == n.view.ID && !(toRun && s.moving) {
			all = append(all, client.Assignment{ID: id, Epoch: s.Epoch, Session: s.Session})
		}
	}
	return all
}

func (n *node) assignments(w http.ResponseWriter, r *http.Request) *problem {
	other, p := n.other(r)
	switch {
	case p != nil:
		return p
	case !streams(r):
		return reply(w, http.StatusOK, map[string]any{"assignments": other.assigned(false)})
	case other != n:
		return n.elsewhere(other)
	}
	f := n.fleet
	fo := &follower{watcher: rand.Text(), grants: map[string]uint64{}, asked: map[string]bool{}, until: time.Now().Add(f.Validity)}
	all := n.assigned(true)
	for _, a := range all {
		fo.grants[a.ID] = a.Epoch
	}
	fo.queue = append(fo.queue, item{name: "snapshot", data: map[string]any{
		"watcher": fo.watcher, "node": n.view.ID, "incarnation": n.view.Incarnation, "until": fo.until.UTC(), "assignments": all}})
	n.followers[fo.watcher] = fo
	n.flow(w, r, f.Validity/4, func() (items []item, last bool) {
		items, fo.queue = fo.queue, nil
		if fo.reason != "" {
			return append(items, item{name: "end", data: map[string]string{"reason": fo.reason}}), true
		}
		if until := time.Now().Add(f.Validity); !n.silent && until.Sub(fo.until) >= f.Validity/5 {
			fo.until = until
			items = append(items, item{name: "valid", data: map[string]any{"until": until.UTC()}})
		}
		if time.Now().After(fo.until) {
			fo.reason = "fenced"
			items, last = append(items, item{name: "end", data: map[string]string{"reason": fo.reason}}), true
		}
		return items, last
	})
	if fo.reason == "" && n.stopped == nil { // its process closed the connection: it holds nothing
		clear(fo.grants)
	}
	fo.cut("closed")
	f.stir()
	return nil
}

func (n *node) elsewhere(other *node) *problem {
	p := refuse(http.StatusMisdirectedRequest, "wrong-node", "this is node %s", n.view.ID)
	p.Host, p.Port = other.view.Host, other.view.Port
	return p
}

func (n *node) acknowledge(w http.ResponseWriter, r *http.Request) *problem {
	var in struct {
		Watcher  string
		Released []struct {
			ID    string
			Epoch uint64
		}
	}
	if p := read(r, &in); p != nil {
		return p
	}
	other, p := n.other(r)
	switch {
	case p != nil:
		return p
	case other != n:
		return n.elsewhere(other)
	}
	fo := n.followers[in.Watcher]
	if fo == nil || fo.reason != "" {
		return refuse(http.StatusNotFound, "watcher-not-found", "no stream of this node has this watcher id")
	}
	for _, rel := range in.Released {
		if fo.asked[rel.ID] && fo.grants[rel.ID] == rel.Epoch {
			delete(fo.asked, rel.ID)
			delete(fo.grants, rel.ID)
		}
	}
	n.fleet.stir()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// assign tells the processes beside a session's owner to run it.
func (f *Fleet) assign(s *session) {
	for _, fo := range f.nodes[s.Owner].followers {
		if fo.reason == "" {
			fo.grants[s.ID] = s.Epoch
			fo.queue = append(fo.queue, item{name: "assigned", data: client.Assignment{ID: s.ID, Epoch: s.Epoch, Session: s.Session}})
		}
	}
	f.stir()
}

// revoke asks for a session back from the processes beside its owner.
func (f *Fleet) revoke(s *session, deadline time.Time) {
	for _, fo := range f.nodes[s.Owner].followers {
		if epoch, has := fo.grants[s.ID]; has && fo.reason == "" && !fo.asked[s.ID] {
			fo.asked[s.ID] = true
			fo.queue = append(fo.queue, item{name: "revoked", data: map[string]any{"id": s.ID, "epoch": epoch, "deadline": deadline.UTC()}})
		}
	}
	f.stir()
}

// Held reports whether a process beside any node may be running a session.
func (f *Fleet) Held(session string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.nodes {
		if n.holds(session) {
			return true
		}
	}
	return false
}

// holds reports whether a process beside the node may be running a session.
func (n *node) holds(session string) bool {
	for _, fo := range n.followers {
		if _, has := fo.grants[session]; has && (fo.reason == "" || time.Now().Before(fo.until)) {
			return true
		}
	}
	return false
}

// migrateSession moves a session once nobody runs it any more: it was acknowledged, or the time for that is over.
func (n *node) migrateSession(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	var in struct{ Node string }
	if p := read(r, &in); p != nil {
		return p
	}
	f := n.fleet
	to := f.nodes[in.Node]
	switch {
	case in.Node == "":
		to = f.place(client.Placement{}, s.Owner)
	case to == nil:
		return refuse(http.StatusNotFound, "node-not-found", "no node of this name is registered")
	}
	if to == nil {
		return refuse(http.StatusServiceUnavailable, "no-capacity", "no other node has room")
	}
	from := f.nodes[s.Owner]
	switch {
	case to == from:
		return show(w, http.StatusOK, s)
	case s.moving:
		return refuse(http.StatusConflict, "lease-held", "the session is being moved")
	}
	s.moving = true
	f.free(from, s)
	s.moving = false
	if f.sessions[s.ID] != s || s.Owner != from.view.ID { // it went away meanwhile
		return refuse(http.StatusConflict, "lease-held", "the session was changed meanwhile")
	}
	s.Owner, s.Epoch, s.OwnedAt = to.view.ID, s.Epoch+1, now()
	f.stamp(s)
	f.tell(client.Event{Type: client.SessionMoved, Session: s.ID, Node: s.Owner, PreviousNode: from.view.ID, Epoch: s.Epoch, Version: s.Version})
	f.assign(s)
	return show(w, http.StatusOK, s)
}

// free waits until nobody beside a node runs a session. The fleet is locked before and after, not in between.
func (f *Fleet) free(from *node, s *session) {
	limit := time.Now().Add(f.RevokeTimeout)
	f.revoke(s, limit)
	for from.holds(s.ID) {
		changed := f.changed
		f.mu.Unlock()
		timer := time.NewTimer(max(0, time.Until(limit)) + 10*time.Millisecond)
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		f.mu.Lock()
		if time.Now().Before(limit) {
			continue
		}
		for _, fo := range from.followers {
			if fo.asked[s.ID] {
				fo.cut("unacknowledged")
			}
		}
		f.stir()
	}
}
