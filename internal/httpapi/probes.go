package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// livez answers while the process serves. It never asks Redis: a restart would not bring Redis back.
func (a *api) livez(c *gin.Context, q query) error {
	probe(c, "livez", nil, q)
	return nil
}

// readyz answers 200 while this node can serve, 503 else.
func (a *api) readyz(c *gin.Context, q query) error {
	probe(c, "readyz", a.cfg.Health.Ready(c.Request.Context()), q)
	return nil
}

// probe answers in the text form of Kubernetes' API server, which operators know: "ok", or a line a check where one fails
// or ?verbose asks for it. A check named by ?exclude= is not counted; one that does not exist is remarked on, never an error,
// so that a probe outlives the renaming of a check.
func probe(c *gin.Context, name string, checks []session.Check, q query) {
	var lines strings.Builder
	excluded, failed := q.all("exclude"), false
	for _, check := range checks {
		switch {
		case slices.Contains(excluded, check.Name):
			fmt.Fprintf(&lines, "[+]%s excluded: ok\n", check.Name)
		case check.Err != nil:
			failed = true
			fmt.Fprintf(&lines, "[-]%s failed: %s\n", check.Name, oneLine(check.Err.Error()))
		default:
			fmt.Fprintf(&lines, "[+]%s ok\n", check.Name)
		}
	}
	for _, x := range excluded {
		if !slices.ContainsFunc(checks, func(check session.Check) bool { return check.Name == x }) {
			fmt.Fprintf(&lines, "warn: no check is named %q, nothing is excluded\n", clip(x))
		}
	}
	switch {
	case failed:
		c.Header("Retry-After", "1")
		text(c, http.StatusServiceUnavailable, lines.String()+name+" check failed\n")
	case q.has("verbose"):
		text(c, http.StatusOK, lines.String()+name+" check passed\n")
	default:
		text(c, http.StatusOK, "ok")
	}
}

func text(c *gin.Context, status int, body string) {
	send(c, status, "text/plain; charset=utf-8", []byte(body))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// reportView is the readiness checks for a person or a dashboard to read.
type reportView struct {
	Status  string         `json:"status"` // "ok", or "degraded" where a check fails
	Node    session.NodeID `json:"node"`
	Version string         `json:"version"`
	Checks  []checkView    `json:"checks"`
}

type checkView struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// healthz reports the readiness checks and answers 200 while the process serves, so that whoever takes it for a liveness probe
// restarts nothing because Redis is away. /readyz is the one to route by.
func (a *api) healthz(c *gin.Context, _ query) error {
	view := reportView{Status: "ok", Node: a.cfg.Node, Version: a.cfg.Version, Checks: []checkView{}}
	for _, check := range a.cfg.Health.Ready(c.Request.Context()) {
		v := checkView{Name: check.Name, OK: check.Err == nil}
		if check.Err != nil {
			v.Error, view.Status = oneLine(check.Err.Error()), "degraded"
		}
		view.Checks = append(view.Checks, v)
	}
	return reply(c, http.StatusOK, view)
}
