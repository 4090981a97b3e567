package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"orchestrator/internal/dashboard"
)

// handler answers one request, or returns why it cannot.
type handler func(c *gin.Context, q query) error

// route is one method and path template with the query parameters that it knows. Those of many may be repeated. Where follow is there,
// it answers a caller who accepts a stream of events.
type route struct {
	method, path string
	handle       handler
	follow       handler
	lines        bool // follow answers a caller who accepts NDJSON, too
	one, many    []string
}

func (a *api) routes() []route {
	probe := []string{"verbose"}
	return []route{
		{method: "POST", path: "/v1/sessions", handle: a.createSession, one: []string{"dryRun"}},
		{method: "GET", path: "/v1/sessions", handle: a.listSessions,
			one: []string{"type", "status", "owner", "workspace", "labels", "orderBy", "limit", "pageToken"}, many: []string{"label"}},
		{method: "POST", path: "/v1/sessions/batch", handle: a.createBatch},
		{method: "GET", path: "/v1/sessions/{id}", handle: a.getSession, one: []string{"consistency"}},
		{method: "PATCH", path: "/v1/sessions/{id}", handle: a.patchSession},
		{method: "DELETE", path: "/v1/sessions/{id}", handle: a.deleteSession, one: []string{"lastMessage", "contextETag"}},
		{method: "GET", path: "/v1/sessions/{id}/explain", handle: a.explainSession},
		{method: "POST", path: "/v1/sessions/{id}/migrate", handle: a.migrateSession},
		{method: "POST", path: "/v1/sessions/{id}/messages", handle: a.publishMessages},
		{method: "GET", path: "/v1/sessions/{id}/messages", handle: a.listMessages, follow: a.followMessages,
			one: []string{"after", "limit", "consistency"}, many: []string{"kind"}},
		{method: "GET", path: "/v1/sessions/{id}/context", handle: a.getContext, one: []string{"consistency"}},
		{method: "PUT", path: "/v1/sessions/{id}/context", handle: a.putContext},
		{method: "DELETE", path: "/v1/sessions/{id}/context", handle: a.deleteContext},
		{method: "GET", path: "/v1/nodes", handle: a.listNodes},
		{method: "GET", path: "/v1/nodes/{id}", handle: a.getNode},
		{method: "POST", path: "/v1/nodes/{id}/cordon", handle: a.cordonNode},
		{method: "POST", path: "/v1/nodes/{id}/uncordon", handle: a.uncordonNode},
		{method: "POST", path: "/v1/nodes/{id}/drain", handle: a.drainNode},
		{method: "GET", path: "/v1/nodes/{id}/assignments", handle: a.listAssignments, follow: a.followAssignments},
		{method: "POST", path: "/v1/nodes/{id}/assignments/ack", handle: a.ackAssignments},
		{method: "GET", path: "/v1/events", handle: a.listEvents, follow: a.followEvents, lines: true,
			one: []string{"cursor", "session", "node", "limit"}, many: []string{"type"}},
		{method: "POST", path: "/v1/rebalance", handle: a.rebalance, one: []string{"dryRun"}},
		{method: "GET", path: "/v1/cluster/metrics", handle: a.clusterMetrics},
		{method: "GET", path: "/v1/local/metrics", handle: a.localMetrics},
		{method: "GET", path: "/livez", handle: a.livez, one: probe, many: []string{"exclude"}},
		{method: "GET", path: "/readyz", handle: a.readyz, one: probe, many: []string{"exclude"}},
		{method: "GET", path: "/healthz", handle: a.healthz},
		{method: "GET", path: "/", handle: a.showIndex},
		{method: "GET", path: "/openapi.json", handle: a.showOpenAPI},
		{method: "GET", path: "/docs", handle: a.showDocs, one: []string{"q"}},
		{method: "GET", path: dashboard.PathFleet, handle: a.showFleet, one: []string{"refresh"}},
		{method: "GET", path: dashboard.PathSessions, handle: a.showSessions, one: []string{"id", "owner", "status", "type", "workspace", "labels", "pageToken"}},
		{method: "GET", path: dashboard.PathSessions + "/{id}", handle: a.showSession},
	}
}

// build wires middleware and routes.
func (a *api) build() error {
	e := gin.New()
	e.ContextWithFallback = true
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.RemoteIPHeaders = []string{headerForwardedFor}
	if err := e.SetTrustedProxies(a.cfg.TrustedProxies); err != nil {
		return fmt.Errorf("httpapi: TrustedProxies: %w", err)
	}
	e.Use(a.identify, a.observe, a.recoverPanic, a.bound)
	a.index = indexView{Name: "orchestrator", Version: a.cfg.Version}
	for _, r := range a.routes() {
		a.mount(e, r, a.wrap(r))
	}
	// Prometheus sends query parameters of its own, and reads its answer's format from Accept: promhttp does all of it.
	a.mount(e, route{method: "GET", path: "/metrics"}, gin.WrapH(promhttp.HandlerFor(a.cfg.Registry, promhttp.HandlerOpts{})))
	e.NoRoute(a.answer(noRoute))
	e.NoMethod(a.answer(noMethod))
	a.engine = e
	return nil
}

// mount adds a route, for HEAD too where it is for GET: probes and load balancers ask so.
func (a *api) mount(e *gin.Engine, r route, h gin.HandlerFunc) {
	pattern := pattern(r.path)
	e.Handle(r.method, pattern, h)
	if r.method == http.MethodGet {
		e.Handle(http.MethodHead, pattern, h)
	}
	a.index.Routes = append(a.index.Routes, r.method+" "+r.path)
	a.mounted = append(a.mounted, r)
}

// pattern is a path template as gin writes it.
func pattern(path string) string { return strings.ReplaceAll(path, "{id}", ":id") }

// wrap checks the query before the handler and answers its error after it.
func (a *api) wrap(r route) gin.HandlerFunc {
	if r.follow != nil {
		a.follows[pattern(r.path)], a.lines[pattern(r.path)] = r.follow, r.lines
		a.metrics.streams(r.path)
	}
	return a.answer(func(c *gin.Context, _ query) error {
		q, err := parseQuery(c.Request.URL.RawQuery, r.one, r.many)
		if err != nil {
			return err
		}
		if a.streams(c) {
			return a.serveStream(c, q, r.follow)
		}
		return r.handle(c, q)
	})
}

// answer turns a handler's error into a problem document.
func (a *api) answer(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c, nil); err != nil {
			a.fail(c, err)
		}
	}
}

func noRoute(c *gin.Context, _ query) error {
	return notFound.because("no route is at " + c.Request.URL.Path)
}

func noMethod(c *gin.Context, _ query) error {
	return methodNotAllowed.because(c.Request.Method + " is not offered here: see the header Allow")
}

// template returns the path template of the route that c matched.
func template(c *gin.Context) string {
	if c.FullPath() == "" {
		return "unmatched"
	}
	return strings.ReplaceAll(c.FullPath(), ":id", "{id}")
}
