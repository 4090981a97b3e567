package httpapi

import (
	"net/http"

	"orchestrator/internal/openapi"
)

const (
	tagProbes = "Probes"
	tagSelf   = "This API"
)

func probeRoutes() []described {
	text := openapi.Forms{openapi.Form("text/plain", &openapi.MediaType{Schema: openapi.String().Like("ok")})}
	asked := func() []*openapi.Parameter {
		return []*openapi.Parameter{
			openapi.Query("verbose", openapi.String(), "with any value or none: a line for each check"),
			openapi.Query("exclude", openapi.Array(openapi.String()), "a check that is not to count; one that does not exist is remarked on"),
		}
	}
	again := openapi.Always("Retry-After", "seconds to wait", openapi.Integer().From(1))
	return []described{
		{
			route: "GET /livez", id: "livez", tag: tagProbes, summary: "Whether the process serves", about: "Never asks Redis: a restart would not bring Redis back.",
			params: asked(), answers: openapi.Responses{openapi.Answer(http.StatusOK, "It does.", text)}, problems: []string{"invalid-request"},
		},
		{
			route: "GET /readyz", id: "readyz", tag: tagProbes, summary: "Whether this node can serve", about: "For load balancers.",
			params: asked(), answers: openapi.Responses{openapi.Answer(http.StatusOK, "It can.", text), openapi.Answer(http.StatusServiceUnavailable, "A check fails; a line for each.", text, again)},
			problems: []string{"invalid-request"},
		},
		{
			route: "GET /healthz", id: "healthz", tag: tagProbes, summary: "The readiness checks as a report",
			about:    "Answers 200 while the process serves, so that nobody restarts it because Redis is away.",
			answers:  openapi.Responses{answers(http.StatusOK, "The report.", openapi.Ref("Report"), map[string]any{"status": "degraded", "node": "node-1", "version": "1.2.3", "checks": []any{map[string]any{"name": "redis", "ok": false, "error": "it does not answer"}}})},
			problems: []string{"invalid-request"},
		},
	}
}

func probeSchemas() openapi.Schemas {
	return openapi.Schemas{openapi.Named("Report", openapi.Object(
		openapi.Must("status", openapi.OneOf("ok", "degraded")),
		openapi.Must("node", openapi.Ref("NodeId")),
		openapi.Must("version", openapi.String()),
		openapi.Must("checks", openapi.Array(openapi.Object(openapi.Must("name", openapi.String()), openapi.Must("ok", openapi.Boolean()), openapi.May("error", openapi.String())))),
	))}
}

// selfRoutes are those that tell what is offered.
func selfRoutes() []described {
	tag := openapi.Always("ETag", "of this version's document", openapi.String())
	known := openapi.Heading("If-None-Match", openapi.String().Match(patternTags), "states that the caller knows: 304 where it is one of them")
	policy := openapi.Always("Content-Security-Policy", "the page's own style and nothing else", openapi.String())
	same := func(headers ...openapi.NamedHeader) openapi.Member[*openapi.Response] {
		return openapi.Answer(http.StatusNotModified, "It is one that the caller knows.", nil, append(headers, tag)...)
	}
	return []described{
		{
			route: "GET /", id: "index", tag: tagSelf, summary: "The routes by name", about: "A caller that accepts `text/html` is led to the dashboard.",
			answers: openapi.Responses{answers(http.StatusOK, "Every route.", openapi.Object(openapi.Must("name", openapi.String()), openapi.Must("version", openapi.String()),
				openapi.Must("routes", openapi.Array(openapi.String()))), map[string]any{"name": "orchestrator", "version": "1.2.3", "routes": []any{"GET /livez"}}), seeOther("The dashboard.")},
			problems: []string{"invalid-request"},
		},
		{
			route: "GET /openapi.json", id: "openapi", tag: tagSelf, summary: "This description, for programs", about: "OpenAPI 3.1. It has the routes that this node offers, and no others.",
			params: []*openapi.Parameter{known},
			answers: openapi.Responses{openapi.Answer(http.StatusOK, "The document.", openapi.Forms{openapi.Form(typeJSON, &openapi.MediaType{
				Schema: &openapi.Schema{Type: "object", Required: []string{"openapi", "info", "paths"}}})}, tag), same()},
			problems: []string{"invalid-request"},
		},
		{
			route: "GET /docs", id: "docs", tag: tagSelf, summary: "This description, for people", about: "One page that fetches nothing from elsewhere and needs no scripts.",
			params:   []*openapi.Parameter{openapi.Query("q", openapi.Text(0, maxSearch), "only the routes in which this text occurs"), known},
			answers:  openapi.Responses{openapi.Answer(http.StatusOK, "The page.", openapi.Forms{openapi.Form("text/html", &openapi.MediaType{Schema: openapi.String()})}, tag, policy), same(policy)},
			problems: []string{"invalid-request"},
		},
	}
}
