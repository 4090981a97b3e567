package httpapi

import (
	"fmt"
	"net/http"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

const (
	tagMessages = "Messages"
	tagContext  = "Context"
)

func messageRoutes() []described {
	example := map[string]any{"id": "17-5577006791947779410", "kind": "output", "data": map[string]any{"text": "done"}, "publishedAt": exampleTime, "epoch": 3}
	ended := openapi.Object(openapi.Must("reason", openapi.String().Like("draining")))
	return []described{
		{
			route: "POST /v1/sessions/{id}/messages", id: "publishMessages", tag: tagMessages, summary: "Publish messages of a session",
			about: "One message, or up to 100. The last 1,000 of a session are kept.",
			params: []*openapi.Parameter{sessionID(), sessionEpoch(),
				idempotencyKey("makes a repeat answer with the first result while its messages are kept")},
			body: takes(openapi.Any(openapi.Ref("MessageDraft"), openapi.Object(
				openapi.Must("messages", openapi.Array(openapi.Ref("MessageDraft")).Least(1).Most(100)))), map[string]any{"kind": "input", "data": map[string]any{"text": "go on"}}),
			answers: openapi.Responses{answers(http.StatusCreated, "They are published.", openapi.Object(openapi.Must("messages", openapi.Array(openapi.Ref("Message")))),
				map[string]any{"messages": []any{example}})},
			problems: also(ofWrites, "session-not-found", "stale-epoch", "idempotency-mismatch", "unreadable-record"),
		},
		{
			route: "GET /v1/sessions/{id}/messages", id: "readMessages", tag: tagMessages, summary: "Read or follow a session's messages",
			about: "With `Accept: text/event-stream` the messages that come are followed: the answer does not end by itself, and `Last-Event-ID`, which wins over " +
				"`after`, resumes it. A stream has no `limit` and no `consistency`.",
			params: []*openapi.Parameter{sessionID(),
				openapi.Query("after", openapi.String(), "the id of a message: what came after it. Left out: from the oldest that is kept. `latest`, of a stream: from now"),
				limitParameter("messages"),
				openapi.Query("kind", openapi.Array(tokenSchema(session.MaxMessageKind)).Most(maxKinds), "of this kind; given again: or of that one"),
				consistencyParameter(),
				openapi.Heading("Last-Event-ID", openapi.String(), "of a stream: the id of the last event that was read")},
			answers: openapi.Responses{openapi.Answer(http.StatusOK, "A page, or a stream.", append(bothEncodings(openapi.Object(
				openapi.Must("messages", openapi.Array(openapi.Ref("Message")).Most(session.MaxPage)),
				openapi.Must("nextAfter", openapi.String().About("where to go on; `after` where nothing came")),
			), map[string]any{"messages": []any{example}, "nextAfter": "17-5577006791947779410"}), streamed("It begins with the messages that are there, else with a `bookmark`. Every 15 s there is another, and an `end` where the node ends it.",
				openapi.Named("message", openapi.Ref("Message")), openapi.Named("bookmark", openapi.Object(openapi.Must("after", openapi.String()))), openapi.Named("end", ended))), openapi.Sometimes("X-Accel-Buffering", "`no`, of a stream: proxies must not keep events back", openapi.OneOf("no")))},
			problems: also(ofReads, "session-not-found", "cursor-gone", "rate-limited", "unreadable-record"),
			streams: func(a *api) string {
				return fmt.Sprintf("%d streams of messages at a time, and %d more to processes on its own machine", a.afar.most, a.beside.most)
			},
		},
	}
}

func messageSchemas() openapi.Schemas {
	data := (&openapi.Schema{}).About(fmt.Sprintf("any JSON value, up to 16 KiB, and %d levels of objects and arrays", MaxConfigDepth))
	return openapi.Schemas{
		openapi.Named("MessageDraft", openapi.Object(
			openapi.May("kind", tokenSchema(session.MaxMessageKind).OrNull().Else("message")),
			openapi.Must("data", data),
		)),
		openapi.Named("Message", openapi.Object(
			openapi.Must("id", openapi.String().About("opaque; ordered by its first number")),
			openapi.Must("kind", openapi.String()),
			openapi.Must("data", &openapi.Schema{}),
			openapi.Must("publishedAt", openapi.Time()),
			openapi.Must("epoch", openapi.Ref("Epoch").About("the session's epoch it was published under")),
		)),
	}
}

func contextRoutes() []described {
	bytes := openapi.Forms{openapi.Form("*/*", &openapi.MediaType{Schema: openapi.String().About("the bytes as they are stored, up to 256 KiB")})}
	when := openapi.Always("Last-Modified", "when it was stored", openapi.String())
	tag := openapi.Always("ETag", "the context's state, apart from the session's", openapi.String())
	conditions := func() []*openapi.Parameter {
		return []*openapi.Parameter{sessionID(), ifMatch("the context"), sessionEpoch()}
	}
	none := openapi.Heading("If-None-Match", openapi.OneOf("*"), "`*`: only where there is none yet")
	return []described{
		{
			route: "GET /v1/sessions/{id}/context", id: "getContext", tag: tagContext, summary: "Read a session's context",
			params: []*openapi.Parameter{sessionID(), consistencyParameter(), ifNoneMatch()},
			answers: openapi.Responses{
				openapi.Answer(http.StatusOK, "The bytes, with the `Content-Type` they were stored with.", bytes, tag, when,
					openapi.Always("Content-Security-Policy", "a browser that shows it runs none of it", openapi.String())),
				openapi.Answer(http.StatusNotModified, "It is in a state that the caller knows.", nil, tag, when),
			},
			problems: also(ofReads, "session-not-found", "context-not-found", "unreadable-record"),
		},
		{
			route: "PUT /v1/sessions/{id}/context", id: "putContext", tag: tagContext, summary: "Store a session's context",
			about:    "Up to 256 KiB with a `Content-Type` of up to 255 characters, `application/octet-stream` by default. The session's own `ETag` does not change by it.",
			params:   append(conditions(), none),
			body:     &openapi.Body{Content: bytes},
			answers:  openapi.Responses{openapi.Answer(http.StatusCreated, "It is stored; there was none.", nil, tag), openapi.Answer(http.StatusNoContent, "It is stored.", nil, tag)},
			problems: also(ofReads, "session-not-found", "stale-epoch", "version-mismatch", "too-large", "unsupported-media-type", "unreadable-record"),
		},
		{
			route: "DELETE /v1/sessions/{id}/context", id: "deleteContext", tag: tagContext, summary: "Remove a session's context",
			params:   conditions(),
			answers:  openapi.Responses{openapi.Answer(http.StatusNoContent, "There is none any more.", nil)},
			problems: also(ofReads, "session-not-found", "context-not-found", "stale-epoch", "version-mismatch", "unreadable-record"),
		},
	}
}
