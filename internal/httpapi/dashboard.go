package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/dashboard"
	"orchestrator/internal/session"
)

const (
	dashboardPage   = 100 // sessions on a page of the dashboard
	dashboardEvents = 30  // of nodes
	typeHTML        = "text/html"
)

// showFleet shows how the nodes stand. It answers 200 while the process serves: what cannot be read is said on the page.
func (a *api) showFleet(c *gin.Context, _ query) error {
	ctx, f := c.Request.Context(), &dashboard.Fleet{Checks: a.cfg.Health.Ready(c.Request.Context())}
	var err error
	if f.Nodes, err = a.cfg.Nodes.Nodes(ctx); err != nil {
		f.Unread = problemOf(err, false).Detail
	}
	if f.Events, err = a.cfg.Events.OfNodes(ctx, dashboardEvents); err != nil {
		f.NoEvents = problemOf(err, false).Detail
	}
	slices.Reverse(f.Events)
	return a.showPage(c, dashboard.Page{Fleet: f})
}

// showSessions shows the sessions that are asked for. Fields of its form that are left empty come as empty parameters: they ask for nothing.
func (a *api) showSessions(c *gin.Context, q query) error {
	asked := url.Values{}
	for name, values := range q {
		if values[0] != "" {
			asked[name] = values
		}
	}
	if id := asked.Get("id"); id != "" {
		c.Header("Location", dashboard.PathSessions+"/"+url.PathEscape(id))
		c.Status(http.StatusSeeOther)
		return nil
	}
	s := &dashboard.Sessions{Asked: asked}
	want, err := readListing(query(asked))
	if err == nil {
		var page session.Page
		want.Order, want.Limit = session.NewestFirst, dashboardPage
		page, err = a.cfg.Catalog.List(c.Request.Context(), want)
		s.Found, s.Next = page.Sessions, page.Next
	}
	if err != nil {
		s.Unread = problemOf(err, false).Detail
	}
	return a.showPage(c, dashboard.Page{Sessions: s})
}

// showSession shows how one session stands.
func (a *api) showSession(c *gin.Context, _ query) error {
	ctx, s := c.Request.Context(), &dashboard.Session{ID: session.ID(clip(c.Param("id")))}
	id, err := session.ParseID(c.Param("id"))
	if err == nil {
		s.Now, err = a.cfg.Sessions.Get(ctx, id, session.Linearizable)
	}
	if err == nil {
		s.Explanation, err = a.cfg.Explainer.Explain(ctx, id)
	}
	if err != nil {
		s.Unread = problemOf(err, false).Detail
		return a.showPage(c, dashboard.Page{Session: s})
	}
	if s.Events, err = a.cfg.Events.ForSession(ctx, id, ExplainedEvents); err != nil {
		s.NoEvents = problemOf(err, false).Detail
	}
	slices.Reverse(s.Events)
	return a.showPage(c, dashboard.Page{Session: s})
}

func (a *api) showPage(c *gin.Context, p dashboard.Page) error {
	p.Node, p.Version, p.At = a.cfg.Node, a.cfg.Version, time.Now()
	html, err := p.HTML()
	if err != nil {
		return err
	}
	c.Header("Content-Security-Policy", dashboard.Policy)
	send(c, http.StatusOK, typeHTML+"; charset=utf-8", html)
	return nil
}

// showIndex tells programs what is offered. A browser is led to the dashboard.
func (a *api) showIndex(c *gin.Context, _ query) error {
	c.Writer.Header()["Vary"] = varies
	for mediaType, weight := range accepted(c.Request.Header) {
		if mediaType == typeHTML && weight > 0 {
			c.Header("Location", dashboard.PathFleet)
			c.Status(http.StatusSeeOther)
			return nil
		}
	}
	return reply(c, http.StatusOK, a.index)
}
