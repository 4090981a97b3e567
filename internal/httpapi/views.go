package httpapi

import (
	"net/http"
	"time"

	"orchestrator/internal/session"
)

// sessionView is a session as the API shows it. durability is left out where it is acked, ownedAt where its record is too old to tell,
// expiresAt where the session never expires; config and labels are objects though they be empty, so that readers need not look for null.
type sessionView session.Session

func (v *sessionView) write(w *writer) {
	members := 13
	for _, t := range []time.Time{v.OwnedAt, v.ExpiresAt} {
		if !t.IsZero() {
			members++
		}
	}
	if v.Durability == session.Fast {
		members++
	}
	w.object(members)
	w.name("id").text(string(v.ID))
	w.name("type").text(v.Type)
	w.name("name").text(v.Name)
	w.name("workspace").text(v.Workspace)
	w.name("config")
	writeMap(w, v.Config, w.value)
	w.name("labels")
	writeMap(w, v.Labels, w.text)
	w.name("status").text(string(v.Status))
	if v.Durability == session.Fast {
		w.name("durability").text(string(v.Durability))
	}
	w.name("owner").text(string(v.Holder.Node))
	w.name("epoch").unsigned(v.Stamp.Epoch)
	w.name("version").unsigned((*session.Session)(v).ETag().Version) // of what is shown: one ETag, one document
	w.name("copies").signed(int64(v.Copies))
	w.name("createdAt").instant(v.CreatedAt)
	w.name("updatedAt").instant(v.UpdatedAt)
	if !v.OwnedAt.IsZero() {
		w.name("ownedAt").instant(v.OwnedAt)
	}
	if !v.ExpiresAt.IsZero() {
		w.name("expiresAt").instant(v.ExpiresAt)
	}
	w.end('}')
}

// pageView is one page of a list; nextPageToken is left out on the last.
type pageView session.Page

func (v pageView) write(w *writer) {
	members := 1
	if v.Next != "" {
		members++
	}
	w.object(members)
	w.name("sessions").array(len(v.Sessions))
	for i := range v.Sessions {
		(*sessionView)(&v.Sessions[i]).write(w)
	}
	w.end(']')
	if v.Next != "" {
		w.name("nextPageToken").text(v.Next)
	}
	w.end('}')
}

// batchView is the outcome of each item: a session where the status is 201, else a problem.
type batchView struct {
	results   []session.Result
	requestID string
}

func (v batchView) write(w *writer) {
	w.object(1)
	w.name("results").array(len(v.results))
	for i := range v.results {
		v.writeItem(w, &v.results[i])
	}
	w.end(']')
	w.end('}')
}

func (v batchView) writeItem(w *writer, r *session.Result) {
	w.object(2)
	if r.Err == nil {
		w.name("status").signed(http.StatusCreated)
		w.name("session")
		(*sessionView)(&r.Session).write(w)
	} else {
		p := problemOf(r.Err, true)
		p.RequestID = v.requestID
		w.name("status").signed(int64(p.Status))
		w.name("problem").value(p)
	}
	w.end('}')
}

// nodeView is a node as the API shows it. Times that the registry does not know are left out.
type nodeView struct {
	ID          session.NodeID    `json:"id"`
	Incarnation string            `json:"incarnation"`
	Host        string            `json:"host"`
	Port        int               `json:"port"`
	State       session.NodeState `json:"state"`
	MaxSessions int               `json:"maxSessions"`
	Weight      float64           `json:"weight"`
	Zone        string            `json:"zone"`
	Version     string            `json:"version"`
	StartedAt   instant           `json:"startedAt,omitzero"`
	HeartbeatAt instant           `json:"heartbeatAt,omitzero"`
	ExpiresAt   instant           `json:"expiresAt,omitzero"`
	MemoryUsage int64             `json:"memoryUsage"`
	Sessions    int               `json:"sessions"`
	Drain       *drainView        `json:"drain,omitempty"`
	Quarantine  string            `json:"quarantine,omitempty"`
}

// drainView is how far a node is with handing its sessions over. Overdue goes by the node's last beat, which Redis's clock has timed
// as it has the deadline.
type drainView struct {
	StartedAt  instant `json:"startedAt,omitzero"`
	Deadline   instant `json:"deadline,omitzero"`
	From       int     `json:"from"`
	Left       int     `json:"left"`
	HandedOver int     `json:"handedOver"`
	Done       bool    `json:"done"`
	Overdue    bool    `json:"overdue"`
}

func viewDrain(n session.Node) *drainView {
	if n.Drain == nil {
		return nil
	}
	d := &drainView{
		StartedAt: instant(n.Drain.StartedAt), Deadline: instant(n.Drain.Deadline), From: n.Drain.From,
		Left: n.Sessions, HandedOver: max(0, n.Drain.From-n.Sessions), Done: n.Sessions == 0,
	}
	d.Overdue = !d.Done && !d.Deadline.IsZero() && n.HeartbeatAt.After(n.Drain.Deadline)
	return d
}

func viewNode(n session.Node) nodeView {
	return nodeView{
		ID: n.Node, Incarnation: n.Incarnation, Host: n.Host, Port: n.Port, State: n.State,
		MaxSessions: n.MaxSessions, Weight: n.Weight, Zone: n.Zone, Version: n.Version,
		StartedAt: instant(n.StartedAt), HeartbeatAt: instant(n.HeartbeatAt), ExpiresAt: instant(n.ExpiresAt),
		MemoryUsage: n.MemoryUsage, Sessions: n.Sessions, Drain: viewDrain(n), Quarantine: n.Quarantine,
	}
}

type nodesView struct {
	Nodes []nodeView `json:"nodes"`
}

// indexView is what "/" shows.
type indexView struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Routes  []string `json:"routes"`
}
