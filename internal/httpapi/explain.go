package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) explainSession(c *gin.Context, _ query) error {
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return err
	}
	e, err := a.cfg.Explainer.Explain(c.Request.Context(), id)
	if err != nil {
		return err
	}
	v := viewExplanation(e)
	if recent, err := a.cfg.Events.ForSession(c.Request.Context(), id, ExplainedEvents); err == nil { // the rest is worth telling without them
		v.Events = make(eventsView, len(recent))
		copy(v.Events, recent)
	}
	return reply(c, http.StatusOK, v)
}

// ExplainedEvents is how many of a session's last events an explanation has at most.
const ExplainedEvents = 50

// dryRun answers what a create would make. It offers no idempotency key: nothing is made that a repeat could answer with.
func (a *api) dryRun(c *gin.Context, d session.Draft) error {
	if err := refuse(c.Request.Header, idempotencyHeader); err != nil {
		return session.Invalid(idempotencyHeader, "is not offered with dryRun: nothing is made")
	}
	would, err := a.cfg.Explainer.DryRun(c.Request.Context(), d)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, dryRunView(would))
}

// explanationView is how a session stands. The lease is left out where nobody holds it, ownedSince where the record is too old to tell, events
// where they cannot be read.
type explanationView struct {
	Session     session.ID     `json:"session"`
	Owner       session.NodeID `json:"owner"`
	Incarnation string         `json:"incarnation"`
	Epoch       uint64         `json:"epoch"`
	Version     uint64         `json:"version"`
	OwnedSince  instant        `json:"ownedSince,omitzero"`
	Partition   int            `json:"partition"`
	Lease       *tenureView    `json:"lease,omitempty"`
	Records     []siteView     `json:"records"`
	Colocated   bool           `json:"colocated"`
	Placement   rankingView    `json:"placement"`
	Events      eventsView     `json:"events,omitzero"` // the newest last
}

type tenureView struct {
	Holder string `json:"holder"` // node/incarnation/epoch
	EndsIn string `json:"endsIn"` // such as "21.5s"
}

// siteView is one record. Stamp and writtenAt are left out where there is none.
type siteView struct {
	Role      session.Role `json:"role"`
	Key       string       `json:"key"`
	Slot      int          `json:"slot"`
	Master    string       `json:"master"`
	Host      string       `json:"host"`
	Stamp     string       `json:"stamp,omitempty"`
	Agrees    bool         `json:"agrees"`
	WrittenAt instant      `json:"writtenAt,omitzero"`
	Unread    string       `json:"unread,omitempty"` // why the record could not be read
}

type rankingView struct {
	Strategy   string          `json:"strategy"`
	Wanted     *wantedView     `json:"wanted,omitempty"` // left out where no place was asked for
	Candidates []candidateView `json:"candidates"`
}

type wantedView struct {
	Node session.NodeID `json:"node,omitempty"`
	Zone string         `json:"zone,omitempty"`
}

type candidateView struct {
	Node        session.NodeID `json:"node"`
	Score       float64        `json:"score"`
	Sessions    int            `json:"sessions"`
	MaxSessions int            `json:"maxSessions"`
	Weight      float64        `json:"weight"`
	Takes       bool           `json:"takes"`
	PassedOver  string         `json:"passedOver,omitempty"` // left out of the one that is chosen
}

func viewExplanation(e session.Explanation) explanationView {
	v := explanationView{
		Session: e.Session.ID, Owner: e.Session.Owner(), Incarnation: e.Session.Holder.Incarnation,
		Epoch: e.Session.Stamp.Epoch, Version: e.Session.Stamp.Version, OwnedSince: instant(e.Session.OwnedAt), Partition: e.Partition,
		Records: make([]siteView, len(e.Records)), Colocated: e.Colocated, Placement: viewRanking(e.Ranking),
	}
	if e.Lease != nil {
		v.Lease = &tenureView{e.Lease.Value, e.Lease.Ends.Round(time.Millisecond).String()}
	}
	for i, r := range e.Records {
		v.Records[i] = siteView{Role: r.Role, Key: r.Key, Slot: r.Slot, Master: r.Master, Host: r.Host, Agrees: r.Agrees,
			WrittenAt: instant(r.WrittenAt), Unread: r.Unread}
		if !r.Stamp.IsZero() {
			v.Records[i].Stamp = r.Stamp.String()
		}
	}
	return v
}

func viewRanking(r session.Ranking) rankingView {
	v := rankingView{Strategy: r.Strategy, Candidates: make([]candidateView, len(r.Candidates))}
	if r.Wanted != (session.Placement{}) {
		v.Wanted = &wantedView{r.Wanted.Node, r.Wanted.Zone}
	}
	for i, c := range r.Candidates {
		v.Candidates[i] = candidateView{c.Node, c.Score, c.Sessions, c.MaxSessions, c.Weight, c.Takes, c.PassedOver}
	}
	return v
}

// dryRunView is what a create would make.
type dryRunView session.DryRun

func (v dryRunView) write(w *writer) {
	w.object(3)
	w.name("dryRun").value(true)
	w.name("session")
	(*sessionView)(&v.Session).write(w)
	w.name("placement").value(viewRanking(v.Ranking))
	w.end('}')
}
