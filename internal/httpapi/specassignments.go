package httpapi

import (
	"fmt"
	"net/http"

	"orchestrator/internal/assignments"
	"orchestrator/internal/openapi"
)

const tagAssignments = "Assignments"

func assignmentRoutes() []described {
	assigned := map[string]any{"id": exampleID, "epoch": 3, "session": exampleSession()}
	return []described{
		{
			route: "GET /v1/nodes/{id}/assignments", id: "listAssignments", tag: tagAssignments, summary: "What a node is to run, once or as it changes",
			about: "With `Accept: text/event-stream` the node itself tells a process beside it what to run, until one of both ends it; another node answers 421 `wrong-node` and says " +
				"where that one is. Without it, any node answers for any.\n\n" +
				"Who follows holds what `snapshot` and `assigned` name, each under its epoch, and nothing else. It drops everything when the stream ends, for whatever " +
				"reason, and when the time named by the last `valid` has passed. On `revoked` it stops that session, by the deadline at the latest, and acknowledges. " +
				"It sends the epoch as `Session-Epoch` with each of its writes. To end the stream is to let go of everything; from another machine that is only believed " +
				"once the time named by the last `valid` has passed, for a network ends connections, too.",
			params: []*openapi.Parameter{nodeParameter()},
			answers: openapi.Responses{openapi.Answer(http.StatusOK, "Its sessions, or a stream.", append(
				bothEncodings(openapi.Ref("Assignments"), map[string]any{"assignments": []any{assigned}}),
				streamed("`snapshot` comes first. A stream has no ids and is not resumed: a new one begins with a new snapshot.",
					openapi.Named("snapshot", openapi.Ref("Snapshot")),
					openapi.Named("assigned", openapi.Ref("Assignment")),
					openapi.Named("revoked", openapi.Object(openapi.Must("id", openapi.Ref("SessionId")), openapi.Must("epoch", openapi.Ref("Epoch")), openapi.Must("deadline", openapi.Time()))),
					openapi.Named("valid", openapi.Object(openapi.Must("until", openapi.Time()))),
					openapi.Named("end", openapi.Object(openapi.Must("reason", openapi.String().Like("stopping")))),
				)), openapi.Sometimes("X-Accel-Buffering", "`no`, of a stream: proxies must not keep events back", openapi.OneOf("no")))},
			problems: also(ofReads, "node-not-found", "wrong-node", "rate-limited", "draining", "unreadable-record"),
			streams: func(*api) string {
				return fmt.Sprintf("%d streams of its assignments at a time, %d of them followed from other machines", assignments.DefaultMaxFollowers, MaxRemoteFollowers)
			},
		},
		{
			route: "POST /v1/nodes/{id}/assignments/ack", id: "ackAssignments", tag: tagAssignments, summary: "A follower has let go of sessions",
			about:  "Asked of the node itself. It may be sent again while it is not answered, but not after such a session has been assigned anew.",
			params: []*openapi.Parameter{nodeParameter()},
			body: takes(openapi.Object(
				openapi.Must("watcher", openapi.Text(1, MaxBody).About("the id that the stream's `snapshot` told")),
				openapi.Must("released", openapi.Array(openapi.Object(openapi.Must("id", openapi.Ref("SessionId")), openapi.Must("epoch", openapi.Ref("Epoch")))).
					Least(1).Most(MaxReleased).About(fmt.Sprintf("at most %d", MaxReleased))),
			), map[string]any{"watcher": "w-1", "released": []any{map[string]any{"id": exampleID, "epoch": 3}}}),
			answers:  openapi.Responses{openapi.Answer(http.StatusNoContent, "It is noted.", nil)},
			problems: also(ofWrites, "node-not-found", "watcher-not-found", "wrong-node"),
		},
	}
}

func assignmentSchemas() openapi.Schemas {
	return openapi.Schemas{
		openapi.Named("Assignment", openapi.Object(
			openapi.Must("id", openapi.Ref("SessionId")), openapi.Must("epoch", openapi.Ref("Epoch")), openapi.Must("session", openapi.Ref("Session")))),
		openapi.Named("Assignments", openapi.Object(openapi.Must("assignments", openapi.Array(openapi.Ref("Assignment"))))),
		openapi.Named("Snapshot", openapi.Object(
			openapi.Must("watcher", openapi.String().About("the stream's id, for its acknowledgements")),
			openapi.Must("node", openapi.Ref("NodeId")),
			openapi.Must("incarnation", openapi.String()),
			openapi.Must("until", openapi.Time().About("until when it may be believed; each `valid` puts it off")),
			openapi.Must("assignments", openapi.Array(openapi.Ref("Assignment"))),
		)),
	}
}
