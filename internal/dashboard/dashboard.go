package dashboard

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"time"

	"orchestrator/internal/session"
)

// Where the pages lie. One session's lies below those of all.
const (
	PathFleet    = "/dashboard"
	PathSessions = "/dashboard/sessions"
)

// Refresh is after how many seconds a browser asks for the page of the fleet again.
const Refresh = 5

//go:embed page.html
var pageText string

//go:embed page.css
var style string

// Style is what the pages have between <style> and </style>: who serves them admits that alone.
func Style() string { return style }

// Page is a page about one of three things: the others are nil.
type Page struct {
	Node    session.NodeID // which node made it
	Version string         // of that node's program
	At      time.Time      // when, by the clock that made the times on it: Redis's
	Request string         // the request's id, by which that node's log tells more

	Fleet    *Fleet
	Sessions *Sessions
	Session  *Session
}

// Fleet is how the nodes stand.
type Fleet struct {
	Refreshed bool            // a browser asks for the page again and again
	Checks    []session.Check // of the node that made the page
	Nodes     []session.Node
	Unread    string          // why the nodes could not be read; empty: they were
	Events    []session.Event // the last ones of nodes, the newest first
	NoEvents  string          // why those could not be read
}

// Sessions is a page of those that were asked for.
type Sessions struct {
	Asked  url.Values // the filters, by their names in the API
	Found  []session.Session
	Next   string // token of the next page; empty: there is none
	Unread string // why they could not be read; empty: they were
}

// Session is how one session stands.
type Session struct {
	ID          session.ID
	Now         session.Session
	Unread      string // why it could not be read; empty: it was
	Explanation session.Explanation
	Unexplained string          // why that could not be had
	Events      []session.Event // its last ones, the newest first
	NoEvents    string          // why those could not be read
}

// HTML writes the page.
func (p Page) HTML() ([]byte, error) {
	var out bytes.Buffer
	if err := pages.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return out.Bytes(), nil
}

// Title names the page.
func (p Page) Title() string {
	switch {
	case p.Sessions != nil:
		return "Sessions"
	case p.Session != nil:
		return "Session " + string(p.Session.ID)
	}
	return "Fleet"
}

// Totals sums up the nodes, as /v1/cluster/metrics does.
func (f *Fleet) Totals() Totals {
	t := Totals{}
	t.Nodes, t.Alive, t.Sessions = session.ClusterMetrics{Nodes: f.Nodes}.Totals()
	for _, n := range f.Nodes {
		if room := n.MaxSessions - n.Sessions; n.Takes() && room > 0 {
			t.Taking++
			t.Room += room
		}
	}
	if t.Nodes > 0 {
		t.Average = float64(t.Sessions) / float64(t.Nodes)
	}
	return t
}

// Totals is a fleet in numbers.
type Totals struct {
	Nodes, Alive, Taking int     // of those that may be given sessions now
	Sessions, Room       int     // how many more those nodes may have
	Average              float64 // sessions for each node
}

// Recovering are the deaths whose sessions are still being taken over, as far as the events tell.
func (f *Fleet) Recovering() (deaths []session.Event) {
	recovered := map[session.NodeID]bool{}
	for _, e := range f.Events { // the newest first
		switch {
		case e.Type == session.NodeRecovered:
			recovered[e.Node] = true
		case e.Type == session.NodeDead && !recovered[e.Node]:
			deaths = append(deaths, e)
		}
	}
	return deaths
}

// Failed are the checks that fail.
func (f *Fleet) Failed() (failed []session.Check) {
	for _, c := range f.Checks {
		if c.Err != nil {
			failed = append(failed, c)
		}
	}
	return failed
}

// Statuses are what the form offers: what a session's status may be, and what was asked for.
func (s *Sessions) Statuses() []string {
	all := []string{}
	for _, status := range session.Statuses {
		all = append(all, string(status))
	}
	if asked := s.Asked.Get("status"); asked != "" && !slices.Contains(all, asked) {
		all = append(all, asked)
	}
	return all
}

// NextPage is the address of the next page.
func (s *Sessions) NextPage() string {
	q := url.Values{"pageToken": {s.Next}}
	for name, values := range s.Asked {
		if name != "pageToken" {
			q[name] = values
		}
	}
	return PathSessions + "?" + q.Encode()
}
