package httpapi

import (
	"fmt"
	"net/http"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

// eventTypes are the types of the fleet's events.
func eventTypes() (names []string) {
	for _, t := range session.EventTypes {
		names = append(names, string(t))
	}
	return names
}

func eventRoutes() []described {
	example := map[string]any{"id": "p17:1700000000000-3", "type": "session.moved", "time": exampleTime, "session": exampleID, "node": "node-2", "previousNode": "node-1", "epoch": 4, "version": 7}
	bookmark := openapi.Must("cursor", openapi.String())
	reason := openapi.Must("reason", openapi.String())
	events := openapi.Schemas{}
	for _, kind := range eventTypes() {
		events = append(events, openapi.Named(kind, openapi.Ref("Event")))
	}
	events = append(events, openapi.Named("bookmark", openapi.Object(bookmark)), openapi.Named("end", openapi.Object(reason)))
	line := openapi.Any(openapi.Ref("Event"),
		openapi.Object(openapi.Must("type", openapi.Only("string", "bookmark")), bookmark),
		openapi.Object(openapi.Must("type", openapi.Only("string", "end")), reason))
	return []described{{
		route: "GET /v1/events", id: "readEvents", tag: "Events", summary: "Read or follow what happens in the fleet",
		about: "Each event is told at least once, in order within a partition; its id tells repeats. With `Accept: text/event-stream` or `application/x-ndjson` the events that " +
			"come are followed, from now on where no cursor is given. `Last-Event-ID` resumes; a bookmark comes first, and then every 15 s. A stream has no `limit`.",
		params: []*openapi.Parameter{
			openapi.Query("cursor", openapi.String(), "where to go on. Left out: from the oldest that is kept. `latest`: nothing, with the cursor of now"),
			openapi.Query("type", openapi.Array(openapi.OneOf(eventTypes()...)), "of this type; given again: or of that one"),
			openapi.Query("session", openapi.Ref("SessionId"), "of this session"),
			openapi.Query("node", openapi.Ref("NodeId"), "of this node"),
			limitParameter("events"),
			openapi.Heading("Last-Event-ID", openapi.String(), "of a stream: the last cursor that was read"),
		},
		answers: openapi.Responses{openapi.Answer(http.StatusOK, "A page, or a stream.", append(bothEncodings(openapi.Object(
			openapi.Must("events", openapi.Array(openapi.Ref("Event")).Most(session.MaxPage)),
			openapi.Must("nextCursor", openapi.String()),
		), map[string]any{"events": []any{example}, "nextCursor": "c-1"}), streamed("An event's name is its type; `id` is the cursor, where one stands.", events...),
			openapi.Form(typeNDJSON, &openapi.MediaType{Schema: openapi.String().About("a line of JSON for each event"), Lines: line})),
			openapi.Sometimes("X-Accel-Buffering", "`no`, of a stream: proxies must not keep events back", openapi.OneOf("no")))},
		problems: also(ofReads, "cursor-gone", "draining", "rate-limited"),
		streams:  func(*api) string { return fmt.Sprintf("%d streams of events at a time", MaxEventStreams) },
	}}
}

func eventSchemas() openapi.Schemas {
	return openapi.Schemas{openapi.Named("Event", openapi.Object(
		openapi.Must("id", openapi.String()),
		openapi.Must("type", openapi.OneOf(eventTypes()...)),
		openapi.Must("time", openapi.Time()),
		openapi.May("session", openapi.Ref("SessionId")),
		openapi.May("node", openapi.Ref("NodeId")),
		openapi.May("previousNode", openapi.Ref("NodeId")),
		openapi.May("epoch", openapi.Ref("Epoch")),
		openapi.May("version", openapi.Count()),
		openapi.May("reason", openapi.String()),
		openapi.May("actor", openapi.String()),
		openapi.May("expected", openapi.Count().About("of node.recovered: the sessions that the node owned when it was declared dead")),
		openapi.May("recovered", openapi.Count()),
		openapi.May("lost", openapi.Count()),
	))}
}
