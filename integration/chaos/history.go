package chaos

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Kind is what a client asked for.
type Kind string

// The kinds of calls. Eventual, List and Follow are no part of the linear history: they read one record of several.
const (
	Create   Kind = "create"
	Read     Kind = "read"
	Eventual Kind = "eventual"
	Patch    Kind = "patch"
	Delete   Kind = "delete"
	Migrate  Kind = "migrate"
	List     Kind = "list"

	Publish    Kind = "publish"
	Messages   Kind = "messages"
	Follow     Kind = "follow" // one message of a stream, or why that ended
	PutContext Kind = "put context"
	GetContext Kind = "get context"
)

// Outcome is what a client may conclude from an answer.
type Outcome string

// The outcomes of a call.
const (
	OK      Outcome = "ok"      // it was done
	No      Outcome = "no"      // it was refused, and nothing was changed
	Unknown Outcome = "unknown" // it was done, or was not, or still will be
)

// State is what an answer told of a session. A refusal tells part of it: Whole is false, and what is not told is zero.
type State struct {
	Epoch   uint64 `json:"epoch"`
	Version uint64 `json:"version"`
	Change  string `json:"change,omitempty"` // the operation id that the ETag ends in
	Owner   string `json:"owner,omitempty"`
	Value   string `json:"value,omitempty"`
	Whole   bool   `json:"whole"`
}

// Tag is the ETag of the state.
func (s State) Tag() string { return fmt.Sprintf(`"%d.%d.%s"`, s.Epoch, s.Version, s.Change) }

// Stamped reports whether epoch, version and change are all told.
func (s State) Stamped() bool { return s.Change != "" }

// parseTag reads an ETag; a text that is none gives the zero State.
func parseTag(tag string) State {
	var s State
	parts := strings.SplitN(strings.Trim(tag, `"`), ".", 3)
	if len(parts) != 3 {
		return s
	}
	if _, err := fmt.Sscan(parts[0]+" "+parts[1], &s.Epoch, &s.Version); err != nil {
		return State{}
	}
	s.Change = parts[2]
	return s
}

// Op is one call of one client, with what became of it.
type Op struct {
	Client  int           `json:"client"`
	Kind    Kind          `json:"kind"`
	Session string        `json:"session,omitempty"` // empty for a create that was never acknowledged, and for a list
	Node    string        `json:"node"`              // the node that was asked
	Call    time.Duration `json:"call"`              // since the run began
	Return  time.Duration `json:"return"`
	Value   string        `json:"value,omitempty"`   // what is written; no two write the same
	IfMatch string        `json:"ifMatch,omitempty"` // the condition of a patch, a delete or a write of the context
	Epoch   uint64        `json:"epoch,omitempty"`   // the Session-Epoch of those and of a publish
	Target  string        `json:"target,omitempty"`  // of a migrate; empty: the fleet chooses
	Fast    bool          `json:"fast,omitempty"`    // the session that is created is fast
	Outcome Outcome       `json:"outcome"`
	Status  int           `json:"status,omitempty"`
	Code    string        `json:"code,omitempty"`
	Error   string        `json:"error,omitempty"`
	Seen    *State        `json:"seen,omitempty"`

	Key     string    `json:"key,omitempty"`     // the Idempotency-Key of a publish
	Repeat  bool      `json:"repeat,omitempty"`  // of one that was sent before
	After   string    `json:"after,omitempty"`   // what a page or a stream goes on after; empty: it begins with the oldest
	Limit   int       `json:"limit,omitempty"`   // of a page
	Page    []Message `json:"page,omitempty"`    // what was published, read or told
	Context *State    `json:"context,omitempty"` // of the session's context; zero: there is none
}

// Writes reports whether the call carries a value.
func (o Op) Writes() bool { return o.Kind == Create || o.Kind == Patch }

// Linear reports whether the call's answer is part of the session's linear history.
func (o Op) Linear() bool { return o.Kind != Eventual && o.Kind != List && o.Kind != Follow }

// Beside reports whether the call is about what lies beside the session, its messages or its context.
func (o Op) Beside() bool {
	return o.Kind == Publish || o.Kind == Messages || o.Kind == Follow || o.Kind == PutContext || o.Kind == GetContext
}

// Absent reports whether the answer said that there is no such session.
func (o Op) Absent() bool { return o.Code == codeAbsent }

// String is the call as the timeline shows it.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", o.Kind, short(o.Session))
	for _, part := range [][2]string{{" =", o.Value}, {" if-match ", o.IfMatch}, {" to ", o.Target}, {" key ", o.Key}, {" after ", o.After}} {
		if part[1] != "" {
			b.WriteString(part[0] + part[1])
		}
	}
	if o.Fast {
		b.WriteString(" fast")
	}
	if o.Repeat {
		b.WriteString(" again")
	}
	if o.Epoch > 0 {
		fmt.Fprintf(&b, " as holder of epoch %d", o.Epoch)
	}
	fmt.Fprintf(&b, " at %s -> %s", o.Node, o.Outcome)
	if o.Status > 0 {
		fmt.Fprintf(&b, " %d %s", o.Status, o.Code)
	}
	if o.Seen != nil {
		fmt.Fprintf(&b, " (epoch %d version %d %q of %s)", o.Seen.Epoch, o.Seen.Version, o.Seen.Value, o.Seen.Owner)
	}
	if o.Context != nil {
		fmt.Fprintf(&b, " (context %s %q)", o.Context.Tag(), o.Context.Value)
	}
	for _, m := range o.Page {
		fmt.Fprintf(&b, " [%s %s epoch %d]", m.ID, m.Value, m.Epoch)
	}
	return b.String() + " " + o.Error
}

// short is the end of a session's id, which differs most.
func short(id string) string { return id[max(0, len(id)-6):] }

// History is what all clients of a run did. It is safe for concurrent use.
type History struct {
	mu  sync.Mutex
	ops []Op
}

// Add appends a call that has returned.
func (h *History) Add(o Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// Ops returns the calls so far, in order of their return.
func (h *History) Ops() []Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Op(nil), h.ops...)
}

// bySession groups the calls that concern a session.
func bySession(ops []Op) map[string][]Op {
	by := map[string][]Op{}
	for _, o := range ops {
		if o.Session != "" {
			by[o.Session] = append(by[o.Session], o)
		}
	}
	return by
}
