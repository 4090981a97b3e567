package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"orchestrator/internal/session"
)

// decodeDraft reads the body of a create and validates it. An optional member that is null is as good as left out.
func decodeDraft(members map[string]any) (session.Draft, error) {
	f := read(members)
	d := session.Draft{
		Type:       f.text("type"),
		Name:       f.text("name"),
		Workspace:  f.text("workspace"),
		Config:     f.object("config"),
		Labels:     f.labels("labels"),
		Status:     session.Status(f.text("status")),
		TTL:        f.duration("ttl"),
		Durability: session.Durability(f.text("durability")),
	}
	f.nested("placement", func(p *fields) {
		d.Placement = session.Placement{Node: session.NodeID(p.text("node")), Zone: p.text("zone")}
	})
	if err := f.done(); err != nil {
		return session.Draft{}, err
	}
	return d, d.Validate()
}

// labels reads an object of strings without nulls.
func (f *fields) labels(name string) map[string]string {
	o := f.object(name)
	if o == nil {
		return nil
	}
	out := make(map[string]string, len(o))
	var wrong []string
	for k, v := range o {
		s, ok := v.(string)
		if !ok {
			wrong = append(wrong, k)
		}
		out[k] = s
	}
	f.noText(name, wrong)
	return out
}

// decodePatch reads a JSON merge patch (RFC 7396) of a session. null sets a field back to its default: config and labels to
// empty, ttl to never; the others have none and refuse it.
func decodePatch(members map[string]any) (session.Patch, error) {
	f := read(members)
	p := session.Patch{
		Type:      f.given("type"),
		Name:      f.given("name"),
		Workspace: f.given("workspace"),
		Status:    (*session.Status)(f.given("status")),
		Config:    f.object("config"),
		ConfigSet: f.null("config"),
		Labels:    f.texts("labels"),
		LabelsSet: f.null("labels"),
		TTL:       f.lifetime("ttl"),
	}
	if p.Status != nil && *p.Status == "" { // which in a draft would be the default
		f.wrong("status", "must be one of active, idle, completed, failed")
	}
	if err := f.done(); err != nil {
		return session.Patch{}, err
	}
	_, err := p.Apply(blank, time.Time{})
	return p, err
}

// blank is a session that a patch alone can make invalid: what fails on it would fail on any.
var blank = session.Session{Type: "blank", Name: "blank", Workspace: "blank", Status: session.Active}

// given reads a string that may be absent but not null.
func (f *fields) given(name string) *string {
	if f.null(name) {
		f.wrong(name, "is required and cannot be removed")
		return nil
	}
	if _, ok := f.members[name]; !ok {
		return nil
	}
	s := f.text(name)
	return &s
}

// lifetime reads a duration that may be absent; null is a lifetime without end.
func (f *fields) lifetime(name string) *time.Duration {
	if _, ok := f.members[name]; !ok {
		return nil
	}
	d := f.duration(name)
	return &d
}

// decodeTarget reads the body of a migration: the node to go to, or "" for the best one.
func decodeTarget(members map[string]any) (session.NodeID, error) {
	f := read(members)
	node := f.text("node")
	if err := f.done(); err != nil {
		return "", err
	}
	if _, given := f.take("node"); !given {
		return "", nil
	}
	return session.ParseNodeID(node)
}

// fingerprint identifies a body whatever the order of its members and its white space: the SHA-256, in hexadecimal, of
// its members encoded in the order of their names.
func fingerprint(members map[string]any) (string, error) {
	canonical, err := json.Marshal(members)
	if err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}
