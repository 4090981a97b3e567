package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/dashboard"
	"orchestrator/internal/session"
)

const (
	dashboardPage   = 100 // sessions on a page of the dashboard
	dashboardEvents = 30  // of nodes
	typeHTML        = "text/html"
)

// showFleet shows how the nodes stand. It answers 200 while the process serves: what cannot be read is said on the page. Both that it asks for lie on
// one Redis master, so both are asked at once: should that be away, they are waited for together.
func (a *api) showFleet(c *gin.Context, q query) error {
	refresh := true
	if q.has("refresh") {
		var err error
		if refresh, err = boolean(q, "refresh"); err != nil {
			return err
		}
	}
	ctx, f := c.Request.Context(), &dashboard.Fleet{Refreshed: refresh}
	var noNodes, noEvents error
	var both sync.WaitGroup
	both.Go(func() { f.Nodes, noNodes = a.cfg.Nodes.Nodes(ctx) })
	both.Go(func() { f.Events, noEvents = a.cfg.Events.OfNodes(ctx, dashboardEvents) })
	f.Checks = a.cfg.Health.Ready(ctx)
	both.Wait()
	f.Unread, f.NoEvents = a.unread(c, noNodes), a.unread(c, noEvents)
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
	s := &dashboard.Sessions{Asked: asked}
	if asked.Has("id") {
		id, err := session.ParseID(strings.TrimSpace(asked.Get("id")))
		if err == nil {
			c.Header("Location", dashboard.PathSessions+"/"+string(id))
			c.Status(http.StatusSeeOther)
			return nil
		}
		s.Unread = a.unread(c, err)
		return a.showPage(c, dashboard.Page{Sessions: s})
	}
	want, err := readListing(query(asked))
	if err == nil {
		var page session.Page
		want.Order, want.Limit = session.NewestFirst, dashboardPage
		page, err = a.cfg.Catalog.List(c.Request.Context(), want)
		s.Found, s.Next = page.Sessions, page.Next
	}
	s.Unread = a.unread(c, err)
	return a.showPage(c, dashboard.Page{Sessions: s})
}

// showSession shows how one session stands. The records are looked at first, and the session is read as home has it: a linearizable read would make
// records equal that it should show as they are.
func (a *api) showSession(c *gin.Context, _ query) error {
	ctx, s := c.Request.Context(), &dashboard.Session{ID: session.ID(clip(c.Param("id")))}
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		s.Unread = a.unread(c, err)
		s.Unexplained, s.NoEvents = s.Unread, s.Unread
		return a.showPage(c, dashboard.Page{Session: s})
	}
	var unread, unexplained, noEvents error
	s.Explanation, unexplained = a.cfg.Explainer.Explain(ctx, id)
	s.Now, unread = a.cfg.Sessions.Get(ctx, id, session.Eventual)
	s.Events, noEvents = a.cfg.Events.ForSession(ctx, id, ExplainedEvents)
	s.Unread, s.Unexplained, s.NoEvents = a.unread(c, unread), a.unread(c, unexplained), a.unread(c, noEvents)
	slices.Reverse(s.Events)
	return a.showPage(c, dashboard.Page{Session: s})
}

// unread says on a page why something could not be read, "" where it was. What a page does not tell, the log does.
func (a *api) unread(c *gin.Context, err error) string {
	if err == nil {
		return ""
	}
	p := problemOf(err, false)
	if p.Status >= http.StatusInternalServerError {
		a.cfg.Log.WarnContext(c.Request.Context(), "a part of a page is missing", "route", template(c), "requestId", requestID(c), "error", err)
	}
	return p.Detail
}

func (a *api) showPage(c *gin.Context, p dashboard.Page) error {
	p.Node, p.Version, p.At, p.Request = a.cfg.Node, a.cfg.Version, a.cfg.Metrics.Now(), requestID(c)
	html, err := p.HTML()
	if err != nil {
		return err
	}
	c.Header("Content-Security-Policy", pagePolicy(dashboard.Style()))
	send(c, http.StatusOK, typeHTML+"; charset=utf-8", html)
	return nil
}

// showIndex tells programs what is offered. A browser is led to the dashboard: who likes HTML better than JSON, as far as it names that.
func (a *api) showIndex(c *gin.Context, _ query) error {
	c.Writer.Header()["Vary"] = varies
	var html, json float64
	for mediaType, weight := range accepted(c.Request.Header) {
		switch mediaType {
		case typeHTML:
			html = weight
		case typeJSON:
			json = weight
		}
	}
	if html > json {
		c.Header("Location", dashboard.PathFleet)
		c.Status(http.StatusSeeOther)
		return nil
	}
	return reply(c, http.StatusOK, a.index)
}
