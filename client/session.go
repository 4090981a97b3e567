package client

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Status says what a session is doing, as its owner reports it.
type Status string

// The statuses of a session.
const (
	Active    Status = "active"
	Idle      Status = "idle"
	Completed Status = "completed"
	Failed    Status = "failed"
)

// Durability says when changes of a session are acknowledged.
type Durability string

// The durabilities that a session may be made with.
const (
	Acked Durability = "acked" // when all its records have them
	Fast  Durability = "fast"  // when its first copy has them; home follows within milliseconds, until which the loss of one Redis master may lose one
)

// Session is the unit of work, as the fleet keeps it.
type Session struct {
	ID         string            `json:"id"` // a UUID version 7
	Type       string            `json:"type"`
	Name       string            `json:"name"`
	Workspace  string            `json:"workspace"`
	Config     map[string]any    `json:"config"` // numbers are json.Number: no digit is lost
	Labels     map[string]string `json:"labels"`
	Status     Status            `json:"status"`
	Durability Durability        `json:"durability,omitempty"` // empty: Acked
	Owner      string            `json:"owner"`                // the node that may act for it
	Epoch      uint64            `json:"epoch"`                // of the ownership: one more with each change of owner
	Version    uint64            `json:"version"`              // one more with each other change
	Copies     int               `json:"copies"`               // records beside the one at home
	CreatedAt  time.Time         `json:"createdAt"`
	UpdatedAt  time.Time         `json:"updatedAt"`
	OwnedAt    time.Time         `json:"ownedAt,omitzero"`   // since when Owner has it; zero where that is not known
	ExpiresAt  time.Time         `json:"expiresAt,omitzero"` // zero: never

	// ETag names this state, for Condition. Sessions of lists, batches and assignments come without it.
	ETag string `json:"-"`
	// Age is how long ago a cache had read it, in whole seconds; 0 unless the read was Eventual.
	Age time.Duration `json:"-"`
	// Stale says that it is older than a cache may be, for Redis could not be asked.
	Stale bool `json:"-"`
}

// head reads what headers say of a session.
func (s *Session) head(h http.Header) {
	s.ETag = h.Get("ETag")
	s.Stale = h.Get("X-Orchestrator-Stale") == "true"
	if seconds, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		s.Age = time.Duration(seconds) * time.Second
	}
}

// Placement is where a session would rather run. Both are preferences.
type Placement struct {
	Node string `json:"node,omitempty"`
	Zone string `json:"zone,omitempty"`
}

// Draft is a session that is to be made. Type, Name and Workspace are required.
type Draft struct {
	Type       string
	Name       string
	Workspace  string
	Config     map[string]any
	Labels     map[string]string
	Status     Status        // empty: Active
	TTL        time.Duration // 1 s to a year; 0: it never expires
	Placement  Placement
	Durability Durability // empty: Acked; for its life

	// IdempotencyKey makes a repeat answer with the first result, for 24 hours: also one of another process, after a crash. A session that was
	// deleted since is not made again under its key. 1 to 255
	// printable ASCII characters. Empty: the client draws one for the attempts of this call. A batch takes none.
	IdempotencyKey string
}

// MarshalJSON writes the draft as the API takes it.
func (d Draft) MarshalJSON() ([]byte, error) {
	w := struct {
		Type       string            `json:"type"`
		Name       string            `json:"name"`
		Workspace  string            `json:"workspace"`
		Config     map[string]any    `json:"config,omitempty"`
		Labels     map[string]string `json:"labels,omitempty"`
		Status     Status            `json:"status,omitempty"`
		TTL        string            `json:"ttl,omitempty"`
		Placement  *Placement        `json:"placement,omitempty"`
		Durability Durability        `json:"durability,omitempty"`
	}{Type: d.Type, Name: d.Name, Workspace: d.Workspace, Config: d.Config, Labels: d.Labels, Status: d.Status, Durability: d.Durability}
	if d.TTL != 0 {
		w.TTL = d.TTL.String()
	}
	if d.Placement != (Placement{}) {
		w.Placement = &d.Placement
	}
	return json.Marshal(w)
}

// Never is the TTL of a session that does not expire any more.
const Never time.Duration = -1

// Patch says what to change of a session (a JSON merge patch, RFC 7396). What is left zero stays as it is.
type Patch struct {
	Type      string
	Name      string
	Workspace string
	Status    Status

	Config       map[string]any    // merged member by member, at every depth; a nil value removes the member
	ClearConfig  bool              // leave nothing of config; not with Config
	Labels       map[string]string // set these
	RemoveLabels []string          // remove these
	ClearLabels  bool              // leave no labels; not with Labels or RemoveLabels

	TTL time.Duration // counted from this change; Never: it does not expire any more
}

// MarshalJSON writes the merge patch. It fails where the patch contradicts itself.
func (p Patch) MarshalJSON() ([]byte, error) {
	m := map[string]any{}
	for name, s := range map[string]string{"type": p.Type, "name": p.Name, "workspace": p.Workspace, "status": string(p.Status)} {
		if s != "" {
			m[name] = s
		}
	}
	switch {
	case p.ClearConfig && p.Config != nil:
		return nil, invalid("ClearConfig", "excludes Config")
	case p.ClearConfig:
		m["config"] = nil
	case p.Config != nil:
		m["config"] = p.Config
	}
	labels, err := p.labels()
	if err != nil {
		return nil, err
	}
	switch {
	case p.ClearLabels && labels != nil:
		return nil, invalid("ClearLabels", "excludes Labels and RemoveLabels")
	case p.ClearLabels:
		m["labels"] = nil
	case labels != nil:
		m["labels"] = labels
	}
	switch {
	case p.TTL == Never:
		m["ttl"] = nil
	case p.TTL != 0:
		m["ttl"] = p.TTL.String()
	}
	return json.Marshal(m)
}

func (p Patch) labels() (map[string]*string, error) {
	if len(p.Labels) == 0 && len(p.RemoveLabels) == 0 {
		return nil, nil
	}
	labels := make(map[string]*string, len(p.Labels)+len(p.RemoveLabels))
	for k, v := range p.Labels {
		labels[k] = &v
	}
	for _, k := range p.RemoveLabels {
		if labels[k] != nil {
			return nil, invalid("RemoveLabels", "names %q, which Labels sets", k)
		}
		labels[k] = nil
	}
	return labels, nil
}

// Condition is what must hold for a change to be made; the zero Condition always holds.
type Condition struct {
	// IfMatch is the ETag of the state that the change is for; any other state is ErrVersionMismatch.
	IfMatch string
	// Epoch is the epoch under which the caller holds the session; at any other it is ErrStaleEpoch. 0: the caller does not claim to.
	Epoch uint64
}

// header adds the condition's headers.
func (cond Condition) header() (http.Header, error) {
	h := http.Header{}
	if cond.IfMatch != "" {
		if err := headerText("IfMatch", cond.IfMatch, maxETag); err != nil {
			return nil, err
		}
		h.Set("If-Match", cond.IfMatch)
	}
	if cond.Epoch != 0 {
		h.Set("Session-Epoch", strconv.FormatUint(cond.Epoch, 10))
	}
	return h, nil
}

// once reports whether a change under the condition can be made only once: the state that it names is gone afterwards.
func (cond Condition) once() bool { return cond.IfMatch != "" && cond.IfMatch != "*" }
