package httpapi

import (
	"fmt"
	"net/http"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

const tagSessions = "Sessions"

func sessionRoutes() []described {
	return []described{createSessionRoute(), listSessionsRoute(), createBatchRoute(), getSessionRoute(), patchSessionRoute(), deleteSessionRoute(),
		migrateSessionRoute()}
}

func createSessionRoute() described {
	location := openapi.Always("Location", "where the session is", openapi.String().Like("/v1/sessions/"+exampleID))
	return described{
		route: "POST /v1/sessions", id: "createSession", tag: tagSessions, summary: "Make a session",
		about: "The fleet chooses the owner: the node with the fewest sessions for its weight, `placement` before others. The answer comes when every record of " +
			"the session holds it.",
		params: []*openapi.Parameter{
			idempotencyKey("makes a repeat with the same body answer with the first result, for 24 h; with another body it is refused"),
			openapi.Query("dryRun", openapi.Boolean().Else(false), "only say what would be made, and where"),
		},
		body:     takes(openapi.Ref("SessionDraft"), exampleDraft()),
		answers:  openapi.Responses{answers(http.StatusCreated, "It is made.", openapi.Ref("Session"), exampleSession(), append(stampHeaders(), location)...), answers(http.StatusOK, "It was made by an earlier request with this `Idempotency-Key`; this is how it is now.", openapi.Ref("Session"), exampleSession(), append(stampHeaders(), location)...)},
		problems: also(ofWrites, "session-not-found", "idempotency-mismatch", "no-capacity", "unreadable-record"),
		with: map[string]func(*described){"dryRun": func(d *described) {
			d.answers[1] = answers(http.StatusOK, "It was made by an earlier request with this `Idempotency-Key`; this is how it is now. With `dryRun`: what would be made.",
				openapi.Any(openapi.Ref("Session"), openapi.Ref("Preview")), exampleSession(),
				openapi.Sometimes("ETag", "the session's state", openapi.String().Match(patternStamp)), openapi.Sometimes(epochHeader, "its epoch", openapi.Ref("Epoch")),
				openapi.Sometimes("Location", "where the session is", openapi.String()))
		}},
	}
}

func listSessionsRoute() described {
	return described{
		route: "GET /v1/sessions", id: "listSessions", tag: tagSessions, summary: "List sessions",
		about: "A page at a time, in an order that does not change: sessions that are made or deleted meanwhile move no others. Read from home records alone.",
		params: []*openapi.Parameter{
			openapi.Query("type", several(`[A-Za-z0-9._/-]+`), fmt.Sprintf("of one of these types, up to %d with commas between", session.MaxChoices)),
			openapi.Query("status", several(`(active|idle|completed|failed)`), "in one of these statuses"),
			openapi.Query("owner", several(`[A-Za-z0-9][A-Za-z0-9._-]*`), fmt.Sprintf("owned by one of these nodes, up to %d", session.MaxChoices)),
			openapi.Query("workspace", textSchema(session.MaxWorkspace), "with this workspace"),
			openapi.Query("label", openapi.Array(openapi.String().Match(`^[A-Za-z0-9._/-]+=[^\x00-\x1f\x7f]*$`)).Most(session.MaxRequirements),
				"with this label, as `key=value`; given again: with that one, too"),
			openapi.Query("labels", openapi.Text(1, session.MaxSelector).Like("tier=gold,region!=eu,env in (a,b),team,!old"),
				fmt.Sprintf("labels in the selector that kubectl has: `=`, `==`, `!=`, `in (a,b)`, `notin (a,b)`, `key`, `!key`, with commas between; up to %d requirements, those of "+
					"`label` included", session.MaxRequirements)),
			openapi.Query("orderBy", openapi.OneOf(session.Orders...), "the order; by default the one that costs least. By `createdAt` is by id: ids begin with the time at which they were made"),
			limitParameter("sessions"),
			openapi.Query("pageToken", openapi.Text(0, MaxPageToken), "`nextPageToken` of the page before, with the same filter and order"),
		},
		answers:  openapi.Responses{answers(http.StatusOK, "A page.", openapi.Ref("SessionPage"), map[string]any{"sessions": []any{exampleSession()}, "nextPageToken": "NDI"})},
		problems: ofReads,
	}
}

// several is values with commas between them.
func several(pattern string) *openapi.Schema {
	return openapi.String().Match("^" + pattern + "(," + pattern + ")*$")
}

func createBatchRoute() described {
	example := map[string]any{"results": []any{
		map[string]any{"status": http.StatusCreated, "session": exampleSession()},
		map[string]any{"status": http.StatusBadRequest, "problem": exampleProblem(invalidRequest, "name is required", map[string]any{"field": "name"})},
	}}
	b := takes(openapi.Ref("Batch"), map[string]any{"sessions": []any{exampleDraft()}})
	b.Content = append(b.Content, openapi.Form(typeNDJSON, &openapi.MediaType{
		Schema: openapi.String().About(fmt.Sprintf("a draft a line; empty lines are skipped. At most %d drafts.", session.MaxBatch)),
		Lines:  openapi.Ref("SessionDraft"),
	}))
	return described{
		route: "POST /v1/sessions/batch", id: "createSessions", tag: tagSessions, summary: "Make many sessions",
		about: fmt.Sprintf("Each stands alone: those that are not valid get their problem, the others are made. The body has at most %d bytes, each session in it at most %d. "+
			"A batch takes no `Idempotency-Key`: repeat what failed.", MaxBatchBody, MaxBody),
		body:     b,
		answers:  openapi.Responses{answers(http.StatusOK, "What became of each, in the order they were sent.", openapi.Ref("BatchResults"), example)},
		problems: []string{"invalid-request", "too-large", "unsupported-media-type"},
	}
}

func getSessionRoute() described {
	age := []openapi.NamedHeader{
		openapi.Sometimes("Age", "seconds since it was read, where a cache answered", openapi.Count()),
		openapi.Sometimes(staleHeader, "`true` where it is older than a cache may be, for Redis cannot be asked", openapi.OneOf("true")),
	}
	return described{
		route: "GET /v1/sessions/{id}", id: "getSession", tag: tagSessions, summary: "Read a session",
		params: []*openapi.Parameter{sessionID(), consistencyParameter(), ifNoneMatch()},
		answers: openapi.Responses{
			answers(http.StatusOK, "The session.", openapi.Ref("Session"), exampleSession(), append(stampHeaders(), age...)...),
			openapi.Answer(http.StatusNotModified, "It is in a state that the caller knows.", nil, append(stampHeaders(), age...)...),
		},
		problems: also(ofReads, "session-not-found", "unreadable-record"),
	}
}

func patchSessionRoute() described {
	return described{
		route: "PATCH /v1/sessions/{id}", id: "patchSession", tag: tagSessions, summary: "Change a session",
		about:    "A JSON merge patch (RFC 7396). null sets a member back to its default: `config` and `labels` to empty, `ttl` to never; the others have none and refuse it.",
		params:   []*openapi.Parameter{sessionID(), ifMatch("the session"), sessionEpoch()},
		body:     takes(openapi.Ref("SessionPatch"), map[string]any{"status": "completed", "labels": map[string]any{"tier": nil}}, typeMergePatch, typeJSON),
		answers:  openapi.Responses{answers(http.StatusOK, "The session as it is now.", openapi.Ref("Session"), exampleSession(), stampHeaders()...)},
		problems: also(ofWrites, "session-not-found", "stale-epoch", "version-mismatch", "unreadable-record"),
	}
}

func deleteSessionRoute() described {
	return described{
		route: "DELETE /v1/sessions/{id}", id: "deleteSession", tag: tagSessions, summary: "End a session",
		about: "Whoever owns it, alive or not.",
		params: []*openapi.Parameter{sessionID(), ifMatch("the session"), sessionEpoch(),
			openapi.Query("lastMessage", openapi.String().Like("17-5577006791947779410"),
				"only where the session's messages end with this one, as the last `nextAfter` has it; `0-0`: only where there are none. Else 412 `version-mismatch`."),
			openapi.Query("contextETag", openapi.String().Match(patternStampOrNo).Like(exampleETag),
				"only where the session's context is in this state, as its `ETag` named it; empty: only where there is none. Else 412 `version-mismatch`.")},
		answers:  openapi.Responses{openapi.Answer(http.StatusNoContent, "It is gone.", nil)},
		problems: also(ofReads, "session-not-found", "stale-epoch", "version-mismatch", "unreadable-record"),
	}
}

func migrateSessionRoute() described {
	return described{
		route: "POST /v1/sessions/{id}/migrate", id: "migrateSession", tag: tagSessions, summary: "Give a session another owner",
		about:    "The owner itself moves it, once the processes beside it have let go. A repeat moves it again; no conditions are taken.",
		params:   []*openapi.Parameter{sessionID()},
		body:     mayTake(openapi.Object(openapi.May("node", openapi.Any(openapi.Ref("NodeId"), openapi.Null()).About("where to; the best other node by default"))), map[string]any{"node": "node-2"}),
		answers:  openapi.Responses{answers(http.StatusOK, "The session under its new owner; as it was where that one has it already.", openapi.Ref("Session"), exampleSession(), stampHeaders()...)},
		problems: also(ofWrites, "session-not-found", "node-not-found", "stale-epoch", "lease-held", "no-capacity", "unreadable-record"),
	}
}

// stampHeaders name the state of a session.
func stampHeaders() []openapi.NamedHeader {
	return []openapi.NamedHeader{
		openapi.Always("ETag", "the session's state, for If-Match and If-None-Match; the same in both encodings", openapi.String().Match(patternStamp).Like(exampleETag)),
		openapi.Always(epochHeader, "the session's epoch", openapi.Ref("Epoch")),
	}
}

func sessionSchemas() openapi.Schemas {
	null := func(s *openapi.Schema) *openapi.Schema { return openapi.Any(s, openapi.Null()) }
	placement := openapi.Object(
		openapi.May("node", null(openapi.Ref("NodeId"))), openapi.May("zone", null(tokenSchema(session.MaxNodeID)))).
		About("where it would rather run; elsewhere where that cannot be")
	patched := labelsSchema(openapi.Text(0, session.MaxLabelValue).Match(patternText).OrNull()).About("merged key by key; null takes a key away")
	return openapi.Schemas{
		openapi.Named("Session", openapi.Object(
			openapi.Must("id", openapi.Ref("SessionId")),
			openapi.Must("type", openapi.String().Like("claude-code")),
			openapi.Must("name", openapi.String()),
			openapi.Must("workspace", openapi.String()),
			openapi.Must("config", openapi.Map(nil)),
			openapi.Must("labels", openapi.Map(openapi.String())),
			openapi.Must("status", openapi.Ref("Status")),
			openapi.May("durability", openapi.OneOf(session.Fast).About("left out where it is `acked`")),
			openapi.Must("owner", openapi.Ref("NodeId")),
			openapi.Must("epoch", openapi.Ref("Epoch")),
			openapi.Must("version", openapi.Count().About("changes under other than a new owner; epoch and version together count all changes")),
			openapi.Must("copies", openapi.Count().About("records beside home")),
			openapi.Must("createdAt", openapi.Time()),
			openapi.Must("updatedAt", openapi.Time()),
			openapi.May("ownedAt", openapi.Time().About("since when the owner has it; left out where its record is too old to tell")),
			openapi.May("expiresAt", openapi.Time().About("left out where it never expires")),
		)),
		openapi.Named("SessionDraft", openapi.Object(
			openapi.Must("type", tokenSchema(session.MaxType).Like("claude-code").About("what it is: letters, digits, `.`, `_`, `-` and `/`")),
			openapi.Must("name", textSchema(session.MaxName).About("without control characters")),
			openapi.Must("workspace", textSchema(session.MaxWorkspace).About("where its files are; without control characters")),
			openapi.May("config", null(openapi.Ref("Config"))),
			openapi.May("labels", null(openapi.Ref("Labels"))),
			openapi.May("status", null(openapi.Ref("Status")).Else(session.Active)),
			openapi.May("ttl", durationSchema(session.MinTTL, session.MaxTTL, true, "when it ends by itself, from now on; never by default, and where it is 0")),
			openapi.May("placement", null(placement)),
			openapi.May("durability", null(openapi.OneOf(session.Acked, session.Fast)).Else(session.Acked).About("when its changes are answered, for its life. `acked`: after every record "+
				"holds them. `fast`: writes, messages and its context after the first copy does; the loss of that copy's master may lose one until home has it, "+
				"milliseconds later, and lists and eventual reads do not show it before")),
		)),
		openapi.Named("SessionPatch", openapi.Object(
			openapi.May("type", tokenSchema(session.MaxType)),
			openapi.May("name", textSchema(session.MaxName)),
			openapi.May("workspace", textSchema(session.MaxWorkspace)),
			openapi.May("status", openapi.Ref("Status")),
			openapi.May("config", null(openapi.Ref("Config")).About("merged member by member; null in it takes a member away")),
			openapi.May("labels", null(patched)),
			openapi.May("ttl", durationSchema(session.MinTTL, session.MaxTTL, true, "when it ends by itself, from this change on; null or 0: never")),
		)),
		openapi.Named("SessionPage", openapi.Object(
			openapi.Must("sessions", openapi.Array(openapi.Ref("Session")).Most(session.MaxPage)),
			openapi.May("nextPageToken", openapi.String().About("where the next page starts, good for any node; left out on the last")),
		)),
		openapi.Named("Batch", openapi.Object(
			openapi.Must("sessions", openapi.Array(openapi.Ref("SessionDraft")).Least(1).Most(session.MaxBatch)),
		)),
		openapi.Named("BatchResults", openapi.Object(openapi.Must("results", openapi.Array(&openapi.Schema{OneOf: []*openapi.Schema{
			openapi.Object(openapi.Must("status", openapi.Only("integer", http.StatusCreated)), openapi.Must("session", openapi.Ref("Session"))),
			openapi.Object(openapi.Must("status", openapi.Integer().From(400).To(599)), openapi.Must("problem", problemOneOf(ofItems))),
		}})))),
	}
}

// ofItems are the codes that an item of a batch may have.
var ofItems = []string{"invalid-request", "too-large", "unreadable-record", "internal", "no-capacity", "store-unavailable"}

func exampleDraft() map[string]any {
	return map[string]any{"type": "claude-code", "name": "fix the build", "workspace": "/srv/repo", "config": map[string]any{"model": "opus", "turns": 40},
		"labels": map[string]any{"tier": "gold"}, "ttl": "8h"}
}

func exampleSession() map[string]any {
	return map[string]any{"id": exampleID, "type": "claude-code", "name": "fix the build", "workspace": "/srv/repo",
		"config": map[string]any{"model": "opus", "turns": 40}, "labels": map[string]any{"tier": "gold"}, "status": "active", "owner": "node-1", "epoch": 3,
		"version": 7, "copies": 1, "createdAt": exampleTime, "updatedAt": exampleTime, "ownedAt": exampleTime, "expiresAt": "2026-03-04T12:06:07.089Z"}
}

func exampleProblem(k kind, detail string, members map[string]any) map[string]any {
	p := map[string]any{"type": k.because("").Type, "title": k.title, "status": k.status, "detail": detail, "code": k.code, "requestId": "order-17"}
	for name, value := range members {
		p[name] = value
	}
	return p
}
