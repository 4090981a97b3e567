package httpapi

import (
	"net/http"

	"orchestrator/internal/dashboard"
	"orchestrator/internal/openapi"
)

const tagDashboard = "Dashboard"

func dashboardRoutes() []described {
	page := openapi.Answer(http.StatusOK, "The page. What could not be read is said in its place.", openapi.Forms{openapi.Form(typeHTML, &openapi.MediaType{Schema: openapi.String()})},
		openapi.Always("Content-Security-Policy", "the page's own style and nothing else", openapi.String()))
	filter := func(name, about string) *openapi.Parameter { return openapi.Query(name, openapi.String(), about) }
	return []described{
		{
			route: "GET " + dashboard.PathFleet, id: "showFleet", tag: tagDashboard, summary: "The nodes, and what happened to them", about: "A browser asks for it again every few seconds.",
			params:  []*openapi.Parameter{openapi.Query("refresh", openapi.Boolean(), "false: it does not")},
			answers: openapi.Responses{page}, problems: []string{"invalid-request"},
		},
		{
			route: "GET " + dashboard.PathSessions, id: "showSessions", tag: tagDashboard, summary: "Sessions, the newest first",
			about: "The filters are those of `GET /v1/sessions`; one that is empty, as a form sends it, asks for nothing.",
			params: []*openapi.Parameter{
				filter("id", "of one session: leads to its page"), filter("owner", "one of several with commas between them"), filter("status", "likewise"), filter("type", "likewise"),
				filter("workspace", "exactly this one"), filter("labels", "a selector as kubectl has it"), filter("pageToken", "where to go on"),
			},
			answers: openapi.Responses{page, seeOther("The page of the session whose id was given.")}, problems: []string{"invalid-request"},
		},
		{
			route: "GET " + dashboard.PathSessions + "/{id}", id: "showSession", tag: tagDashboard, summary: "One session: its owner, its records, what happened to it",
			params:  []*openapi.Parameter{openapi.Path("id", openapi.String(), "of the session")},
			answers: openapi.Responses{page}, problems: []string{"invalid-request"},
		},
	}
}

func seeOther(what string) openapi.Member[*openapi.Response] {
	return openapi.Answer(http.StatusSeeOther, what, nil, openapi.Always("Location", "where it is", openapi.String()))
}
