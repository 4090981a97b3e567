package httpapi

import (
	"net/http"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

func explainRoutes() []described {
	example := map[string]any{"session": exampleID, "owner": "node-1", "incarnation": "00112233445566aa", "epoch": 3, "version": 4, "ownedSince": exampleTime, "partition": 66,
		"lease": map[string]any{"holder": "node-1/00112233445566aa/3", "endsIn": "21s"},
		"records": []any{map[string]any{"role": "home", "key": "orch:{p0042.k3}:session:" + exampleID, "slot": 4242, "master": "10.0.1.1:6379", "host": "10.0.1.1",
			"stamp": "3.4.01890a5d-ac96-774b-bcce-b302099a8058", "agrees": true, "writtenAt": exampleTime}},
		"colocated": false,
		"placement": map[string]any{"strategy": "least-connections", "wanted": map[string]any{"zone": "z1"}, "candidates": []any{map[string]any{"node": "node-1", "score": 0.042, "sessions": 42, "maxSessions": 1000, "weight": 1, "takes": true}}}}
	return []described{{
		route: "GET /v1/sessions/{id}/explain", id: "explainSession", tag: tagSessions, summary: "Who owns a session, where its records lie, and how the nodes rank for it now",
		params:   []*openapi.Parameter{sessionID()},
		answers:  openapi.Responses{answers(http.StatusOK, "What is known of it.", openapi.Ref("Explanation"), example)},
		problems: also(ofReads, "session-not-found", "unreadable-record"),
	}}
}

func explainSchemas() openapi.Schemas {
	return openapi.Schemas{
		openapi.Named("Explanation", openapi.Object(
			openapi.Must("session", openapi.Ref("SessionId")),
			openapi.Must("owner", openapi.Ref("NodeId")),
			openapi.Must("incarnation", openapi.String()),
			openapi.Must("epoch", openapi.Ref("Epoch")),
			openapi.Must("version", openapi.Count()),
			openapi.May("ownedSince", openapi.Time()),
			openapi.Must("partition", openapi.Count()),
			openapi.May("lease", openapi.Object(openapi.Must("holder", openapi.String().About("node/incarnation/epoch, as the lease key has it")), openapi.Must("endsIn", openapi.String()))),
			openapi.Must("records", openapi.Array(openapi.Object(
				openapi.Must("role", openapi.OneOf(session.RoleHome, session.RoleCopy, session.RoleStray).About("a stray was left behind by a move of the copies")),
				openapi.Must("key", openapi.String()),
				openapi.Must("slot", openapi.Count().To(16383)),
				openapi.May("master", openapi.String()),
				openapi.May("host", openapi.String()),
				openapi.May("stamp", openapi.String()),
				openapi.Must("agrees", openapi.Boolean()),
				openapi.May("writtenAt", openapi.Time()),
				openapi.May("unread", openapi.String().About("why it could not be read")),
			))),
			openapi.Must("colocated", openapi.Boolean().About("records share a master")),
			openapi.Must("placement", openapi.Ref("Placement")),
			openapi.May("events", openapi.Array(openapi.Ref("Event")).Most(ExplainedEvents).About("its last events, the newest last")),
		)),
		openapi.Named("Placement", openapi.Object(
			openapi.Must("strategy", openapi.String()),
			openapi.May("wanted", openapi.Object(openapi.May("node", openapi.Ref("NodeId")), openapi.May("zone", openapi.String()))),
			openapi.Must("candidates", openapi.Array(openapi.Object(
				openapi.Must("node", openapi.Ref("NodeId")),
				openapi.Must("score", openapi.Number().About("sessions for its weight, beside this one: the least wins; with consistent-hash the session's hash for it: the greatest wins")),
				openapi.Must("sessions", openapi.Count()),
				openapi.Must("maxSessions", openapi.Count()),
				openapi.Must("weight", openapi.Number()),
				openapi.Must("takes", openapi.Boolean()),
				openapi.May("passedOver", openapi.String().About("why; absent of the one that is chosen")),
			))),
		)),
		openapi.Named("Preview", openapi.Object(
			openapi.Must("dryRun", openapi.Only("boolean", true)), openapi.Must("session", openapi.Ref("Session")), openapi.Must("placement", openapi.Ref("Placement")))),
	}
}
