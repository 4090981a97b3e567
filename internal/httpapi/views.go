package httpapi

import (
	"orchestrator/internal/session"
)

// sessionView is a session as the API shows it. ownedAt is left out where its record is too old
// to tell, expiresAt where the session never expires.
type sessionView struct {
	ID        session.ID        `json:"id"`
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Workspace string            `json:"workspace"`
	Config    map[string]any    `json:"config"`
	Labels    map[string]string `json:"labels"`
	Status    session.Status    `json:"status"`
	Owner     session.NodeID    `json:"owner"`
	Epoch     uint64            `json:"epoch"`
	Version   uint64            `json:"version"`
	Copies    int               `json:"copies"`
	CreatedAt instant           `json:"createdAt"`
	UpdatedAt instant           `json:"updatedAt"`
	OwnedAt   instant           `json:"ownedAt,omitzero"`
	ExpiresAt instant           `json:"expiresAt,omitzero"`
}

func viewSession(s session.Session) sessionView {
	return sessionView{
		ID: s.ID, Type: s.Type, Name: s.Name, Workspace: s.Workspace,
		Config: orEmpty(s.Config), Labels: orEmpty(s.Labels), Status: s.Status,
		Owner: s.Owner(), Epoch: s.Stamp.Epoch, Version: s.Stamp.Version, Copies: s.Copies,
		CreatedAt: instant(s.CreatedAt), UpdatedAt: instant(s.UpdatedAt), OwnedAt: instant(s.OwnedAt), ExpiresAt: instant(s.ExpiresAt),
	}
}

// orEmpty makes an object of a nil map: readers need not look for null.
func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// pageView is one page of a list; nextPageToken is left out on the last.
type pageView struct {
	Sessions      []sessionView `json:"sessions"`
	NextPageToken string        `json:"nextPageToken,omitempty"`
}

type batchView struct {
	Results []itemView `json:"results"`
}

// itemView is one item's outcome: a session where the status is 201, else a problem.
type itemView struct {
	Status  int          `json:"status"`
	Session *sessionView `json:"session,omitempty"`
	Problem *problem     `json:"problem,omitempty"`
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
