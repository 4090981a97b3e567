package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Explanation says where a session lies, who has it, and why it was put there.
type Explanation struct {
	Session     string           `json:"session"`
	Owner       string           `json:"owner"`
	Incarnation string           `json:"incarnation"`
	Epoch       uint64           `json:"epoch"`
	Version     uint64           `json:"version"`
	OwnedSince  time.Time        `json:"ownedSince,omitzero"`
	Partition   int              `json:"partition"`
	Lease       ExplainedLease   `json:"lease"`
	Records     []Record         `json:"records"`   // home first, then the copies
	Colocated   bool             `json:"colocated"` // two of the records lie on one master
	Placement   PlacementReasons `json:"placement"`
	Events      []Event          `json:"events"` // the last of this session, newest last
}

// ExplainedLease is the lease key of a session as it stands in Redis.
type ExplainedLease struct {
	Holder string        // node/incarnation/epoch
	EndsIn time.Duration // unless it is renewed
}

// UnmarshalJSON reads the lease as the API writes it.
func (l *ExplainedLease) UnmarshalJSON(b []byte) error {
	var w struct{ Holder, EndsIn string }
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	l.Holder = w.Holder
	if w.EndsIn == "" {
		return nil
	}
	var err error
	l.EndsIn, err = time.ParseDuration(w.EndsIn)
	return err
}

// MarshalJSON writes the lease as the API does.
func (l ExplainedLease) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"holder": l.Holder, "endsIn": l.EndsIn.String()})
}

// Record is one of a session's records in Redis.
type Record struct {
	Role      string    `json:"role"` // "home" or "copy"
	Key       string    `json:"key"`
	Slot      int       `json:"slot"`
	Master    string    `json:"master"` // host:port
	Host      string    `json:"host"`
	Stamp     string    `json:"stamp"`
	Agrees    bool      `json:"agrees"` // with the session as it was read
	WrittenAt time.Time `json:"writtenAt,omitzero"`
}

// PlacementReasons says which node a session would be given to now, and what speaks for and against each.
type PlacementReasons struct {
	Wanted     Placement   `json:"wanted"`
	Candidates []Candidate `json:"candidates"`
}

// Candidate is one node as a placement sees it.
type Candidate struct {
	Node        string  `json:"node"`
	Score       float64 `json:"score"`
	Sessions    int     `json:"sessions"`
	MaxSessions int     `json:"maxSessions"`
	Weight      float64 `json:"weight"`
	Takes       bool    `json:"takes"`
	PassedOver  string  `json:"passedOver"` // why, where it does not take it
}

// ExplainSession says where a session lies, who has it and why. It fails with ErrNotFound where there is none.
func (c *Client) ExplainSession(ctx context.Context, id string) (Explanation, error) {
	path, err := sessionPath(id, "/explain")
	if err != nil {
		return Explanation{}, err
	}
	var out Explanation
	_, err = c.call(ctx, &request{method: http.MethodGet, path: path}, &out)
	return out, err
}

// DryRun is a session as it would be made, and where.
type DryRun struct {
	Session   Session          `json:"session"`
	Placement PlacementReasons `json:"placement"`
}

// DryRunSession says what CreateSession would do now. Nothing is written.
func (c *Client) DryRunSession(ctx context.Context, d Draft) (DryRun, error) {
	r, err := jsonRequest(http.MethodPost, "/v1/sessions", d)
	if err != nil {
		return DryRun{}, err
	}
	r.query, r.again = url.Values{"dryRun": {"true"}}, true
	var out DryRun
	_, err = c.call(ctx, r, &out)
	return out, err
}
