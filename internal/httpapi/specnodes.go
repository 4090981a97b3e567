package httpapi

import (
	"fmt"
	"net/http"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

const tagNodes = "Nodes"

func nodeRoutes() []described {
	one := func(route, id, summary, about string) described {
		return described{
			route: route, id: id, tag: tagNodes, summary: summary, about: about, params: []*openapi.Parameter{nodeParameter()},
			answers:  openapi.Responses{answers(http.StatusOK, "The node as it is now.", openapi.Ref("Node"), exampleNode())},
			problems: also(ofReads, "node-not-found"),
		}
	}
	changed := func(route, id, summary, about string) described {
		d := one(route, id, summary, about)
		d.body, d.problems = takesNoFields(), also(ofWrites, "node-not-found")
		return d
	}
	drain := changed("POST /v1/nodes/{id}/drain", "drainNode", "Hand a node's sessions over",
		"The answer says that it has begun; `GET` shows how far it is. Asked again, it gets another deadline. `uncordon` undoes it.")
	drain.body = mayTake(openapi.Object(openapi.May("deadline",
		durationSchema(1, MaxDrain, false, "when it should have ended").Else(DefaultDrain.String()))), map[string]any{"deadline": "30s"})
	drain.answers = openapi.Responses{answers(http.StatusAccepted, "It has begun.", openapi.Ref("Node"), exampleNode())}
	return []described{
		{
			route: "GET /v1/nodes", id: "listNodes", tag: tagNodes, summary: "List the nodes",
			about: "Every registered node; one whose registration has ended is `dead`, and listed until the fleet has declared it so.",
			answers: openapi.Responses{answers(http.StatusOK, "The nodes, by id.", openapi.Object(openapi.Must("nodes", openapi.Array(openapi.Ref("Node")))),
				map[string]any{"nodes": []any{exampleNode()}})},
			problems: ofReads,
		},
		one("GET /v1/nodes/{id}", "getNode", "Read a node", ""),
		changed("POST /v1/nodes/{id}/cordon", "cordonNode", "Have a node take no new sessions", "It keeps those that it has."),
		changed("POST /v1/nodes/{id}/uncordon", "uncordonNode", "Have a node take new sessions again", "Also one that drains."),
		drain,
		{
			route: "POST /v1/rebalance", id: "rebalance", tag: tagNodes, summary: "Even out the load",
			about:  "With the fewest moves, at a bounded rate, no session twice in a minute and none labelled `disruption: never`.",
			params: []*openapi.Parameter{openapi.Query("dryRun", openapi.Boolean().Else(false), "only say what would be moved")},
			body:   takesNoFields(),
			answers: openapi.Responses{
				answers(http.StatusOK, "What would be moved (`dryRun`).", openapi.Ref("Rebalance"), exampleRebalance(true)),
				answers(http.StatusAccepted, "What will be moved.", openapi.Ref("Rebalance"), exampleRebalance(false)),
			},
			problems: ofWrites,
		},
	}
}

func nodeMembers() []openapi.Property {
	return []openapi.Property{
		openapi.Must("id", openapi.Ref("NodeId")),
		openapi.Must("incarnation", openapi.String().About("fresh at each start of its process")),
		openapi.Must("host", openapi.String().About("where peers and clients reach it")),
		openapi.Must("port", openapi.Integer().From(0).To(65535)),
		openapi.Must("state", openapi.Ref("NodeState")),
		openapi.Must("maxSessions", openapi.Count().About("most sessions that it may own")),
		openapi.Must("weight", openapi.Number().About("its share of sessions beside others'; 1 is ordinary")),
		openapi.Must("zone", openapi.String()),
		openapi.Must("version", openapi.String().About("of its program")),
		openapi.May("startedAt", openapi.Time()),
		openapi.May("heartbeatAt", openapi.Time().About("its last beat, by Redis's clock")),
		openapi.May("expiresAt", openapi.Time().About("when its registration ends, by Redis's clock")),
		openapi.Must("memoryUsage", openapi.Count().About("bytes")),
		openapi.Must("sessions", openapi.Count().About("that it owns")),
		openapi.May("drain", openapi.Object(
			openapi.May("startedAt", openapi.Time()),
			openapi.May("deadline", openapi.Time()),
			openapi.Must("from", openapi.Count().About("sessions when it began")),
			openapi.Must("left", openapi.Count()),
			openapi.Must("handedOver", openapi.Count()),
			openapi.Must("done", openapi.Boolean()),
			openapi.Must("overdue", openapi.Boolean().About("the deadline has passed and some are left")),
		).About("how far it is with handing its sessions over")),
		openapi.May("quarantine", openapi.String().About("why its peers hold that it beats but cannot serve")),
	}
}

func nodeSchemas() openapi.Schemas {
	return openapi.Schemas{
		openapi.Named("NodeState", openapi.OneOf(session.Ready, session.Cordoned, session.Draining, session.Dead).
			About("`ready` takes new sessions, `cordoned` keeps its own, `draining` hands them over, `dead`: its registration has ended")),
		openapi.Named("Node", openapi.Object(nodeMembers()...)),
		openapi.Named("Rebalance", openapi.Object(
			openapi.Must("dryRun", openapi.Boolean()),
			openapi.Must("moves", openapi.Count().About("the least that does it")),
			openapi.Must("nodes", openapi.Array(openapi.Object(
				openapi.Must("id", openapi.Ref("NodeId")),
				openapi.Must("sessions", openapi.Count().About("now")),
				openapi.Must("target", openapi.Count().About("afterwards")),
				openapi.Must("give", openapi.Count().About("that it has to give away")),
				openapi.Must("movable", openapi.Count().About("of those, how many may be moved now")),
			))),
			openapi.Must("sessions", openapi.Array(openapi.Object(openapi.Must("id", openapi.Ref("SessionId")), openapi.Must("from", openapi.Ref("NodeId")))).
				Most(session.RebalanceShown).About(fmt.Sprintf("the first %d that would move", session.RebalanceShown))),
		)),
	}
}

func exampleNode() map[string]any {
	return map[string]any{"id": "node-1", "incarnation": "00112233445566aa", "host": "10.0.0.11", "port": 8080, "state": "ready", "maxSessions": 1000, "weight": 1,
		"zone": "z1", "version": "1.2.3", "startedAt": exampleTime, "heartbeatAt": exampleTime, "expiresAt": "2026-03-04T04:06:12.089Z", "memoryUsage": 41943040, "sessions": 42}
}

func exampleRebalance(dryRun bool) map[string]any {
	return map[string]any{"dryRun": dryRun, "moves": 1, "nodes": []any{
		map[string]any{"id": "node-1", "sessions": 3, "target": 2, "give": 1, "movable": 1}, map[string]any{"id": "node-2", "sessions": 1, "target": 2, "give": 0, "movable": 0}},
		"sessions": []any{map[string]any{"id": exampleID, "from": "node-1"}}}
}
