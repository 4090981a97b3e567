package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Placement is where a session would rather run. Both are preferences: a node elsewhere is taken when they cannot be met.
type Placement struct {
	Node NodeID
	Zone string
}

// Durability says when a change of a session is acknowledged.
type Durability string

// The durabilities that a session may have, for its life.
const (
	// Acked acknowledges after every copy and home hold the change: the loss of any one master loses nothing. It is the default.
	Acked Durability = "acked"

	// Fast acknowledges a write when the session's first copy holds it; the other copies and home follow within milliseconds. Until they do,
	// the loss or rollback of that copy's master loses the write, a list and an eventual read do not show it, and no event tells of it. What gives
	// a session to an owner or ends it (create, migrate, failover, delete) is acknowledged as ever, and so is all where a session has no copies.
	Fast Durability = "fast"
)

// Draft is what a client says of a session it wants made.
type Draft struct {
	Type, Name, Workspace string
	Config                map[string]any
	Labels                map[string]string
	Status                Status        // empty: active
	TTL                   time.Duration // zero: never expires
	Placement             Placement
	Durability            Durability // empty: acked
}

// Validate checks every field against its limit and fills defaults. It returns an *InvalidError or *TooLargeError.
func (d *Draft) Validate() error {
	if d.Status == "" {
		d.Status = Active
	}
	if d.Durability == "" {
		d.Durability = Acked
	}
	return firstError(
		token("type", d.Type, MaxType),
		text("name", d.Name, MaxName),
		text("workspace", d.Workspace, MaxWorkspace),
		validStatus(d.Status),
		validConfig(d.Config),
		validLabels(d.Labels),
		validTTL(d.TTL),
		validPlacement(d.Placement),
		validDurability(d.Durability),
	)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func text(field, s string, limit int) error {
	switch {
	case s == "":
		return Invalid(field, "is required")
	case !utf8.ValidString(s):
		return Invalid(field, "must be valid UTF-8")
	case utf8.RuneCountInString(s) > limit:
		return Invalid(field, fmt.Sprintf("has %d characters, at most %d are allowed", utf8.RuneCountInString(s), limit))
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Invalid(field, "must not hold control characters")
	}
	return nil
}

func token(field, s string, limit int) error {
	if err := text(field, s, limit); err != nil {
		return err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !tokenRune(r) }) {
		return Invalid(field, "may hold letters, digits, '.', '_', '-' and '/' only")
	}
	return nil
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
}

func validStatus(s Status) error {
	if !s.Valid() {
		return Invalid("status", fmt.Sprintf("%q must be one of active, idle, completed, failed", s))
	}
	return nil
}

func validConfig(c map[string]any) error {
	if len(c) == 0 {
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // a client's own <, > and & are a byte each
	if err := enc.Encode(c); err != nil {
		return Invalid("config", "cannot be encoded: "+err.Error())
	}
	if size := out.Len() - 1; size > MaxConfig { // without the line's end
		return &TooLargeError{"config", size, MaxConfig}
	}
	return nil
}

func validLabels(labels map[string]string) error {
	if len(labels) > MaxLabels {
		return Invalid("labels", fmt.Sprintf("has %d entries, at most %d are allowed", len(labels), MaxLabels))
	}
	for k, v := range labels {
		if err := token("labels key", k, MaxLabelKey); err != nil {
			return err
		}
		if v == "" {
			continue
		}
		if err := text("labels."+k, v, MaxLabelValue); err != nil {
			return err
		}
	}
	return nil
}

func validTTL(ttl time.Duration) error {
	if ttl != 0 && (ttl < MinTTL || ttl > MaxTTL) {
		return Invalid("ttl", fmt.Sprintf("%s must be between %s and %s", ttl, MinTTL, MaxTTL))
	}
	return nil
}

func validPlacement(p Placement) error {
	if p.Node != "" {
		if _, err := ParseNodeID(string(p.Node)); err != nil {
			return Invalid("placement.node", strings.TrimPrefix(err.Error(), "node "))
		}
	}
	if p.Zone != "" {
		return token("placement.zone", p.Zone, MaxNodeID)
	}
	return nil
}

func validDurability(d Durability) error {
	if d != Acked && d != Fast {
		return Invalid("durability", fmt.Sprintf("%q must be one of acked, fast", d))
	}
	return nil
}
