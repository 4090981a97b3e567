package httpapi

import (
	"net/http"

	"orchestrator/internal/openapi"
)

const tagMetrics = "Metrics"

func metricRoutes() []described {
	return []described{
		{
			route: "GET /v1/cluster/metrics", id: "clusterMetrics", tag: tagMetrics, summary: "The fleet summed up",
			answers: openapi.Responses{answers(http.StatusOK, "As its counts stand in Redis.", openapi.Ref("ClusterMetrics"), map[string]any{
				"totalNodes": 1, "healthyNodes": 1, "totalSessions": 42, "averageSessionsPerNode": 42, "nodeDetails": []any{map[string]any{"id": "node-1", "status": "ready",
					"sessions": 42, "memoryUsage": 41943040, "lastHeartbeat": exampleTime, "maxSessions": 1000, "weight": 1, "zone": "z1"}}})},
			problems: ofReads,
		},
		{
			route: "GET /v1/local/metrics", id: "localMetrics", tag: tagMetrics, summary: "What this node measured of itself",
			answers:  openapi.Responses{answers(http.StatusOK, "Measured values alone.", openapi.Ref("LocalMetrics"), exampleLocal())},
			problems: []string{"invalid-request"},
		},
		{
			route: "GET /metrics", id: "prometheusMetrics", tag: tagMetrics, summary: "Numbers for Prometheus",
			about: "Answers in the format that Accept asks for.",
			answers: openapi.Responses{openapi.Answer(http.StatusOK, "Every series of this node.", openapi.Forms{
				openapi.Form("text/plain", &openapi.MediaType{Schema: openapi.String()}), openapi.Form("application/openmetrics-text", &openapi.MediaType{Schema: openapi.String()})})},
		},
	}
}

func metricSchemas() openapi.Schemas {
	counts := func(names ...string) (all []openapi.Property) {
		for _, name := range names {
			all = append(all, openapi.Must(name, openapi.Count()))
		}
		return all
	}
	rate := openapi.Number().OrNull().About("0 to 1; null before the first read")
	sync := append(counts("records", "copiesRepaired", "homesRestored", "copiesMoved", "countsCorrected", "indexRepaired", "expired", "orphans", "tombstonesCollected",
		"unreadable", "rolledBack", "sharedMaster"), openapi.Must("tookMs", openapi.Number()))
	return openapi.Schemas{
		openapi.Named("ClusterMetrics", openapi.Object(
			openapi.Must("totalNodes", openapi.Count()),
			openapi.Must("healthyNodes", openapi.Count()),
			openapi.Must("totalSessions", openapi.Count()),
			openapi.Must("averageSessionsPerNode", openapi.Number().About("over all nodes, those not healthy included")),
			openapi.Must("nodeDetails", openapi.Array(openapi.Object(
				openapi.Must("id", openapi.Ref("NodeId")),
				openapi.Must("status", openapi.Ref("NodeState")),
				openapi.Must("sessions", openapi.Count()),
				openapi.Must("memoryUsage", openapi.Count().About("bytes")),
				openapi.May("lastHeartbeat", openapi.Time()),
				openapi.Must("maxSessions", openapi.Count()),
				openapi.Must("weight", openapi.Number()),
				openapi.Must("zone", openapi.String()),
				openapi.May("quarantine", openapi.String()),
			))),
		)),
		openapi.Named("LocalMetrics", openapi.Object(
			openapi.Must("node", openapi.Object(append(nodeMembers(), openapi.Must("uptimeSeconds", openapi.Number()), openapi.Must("goroutines", openapi.Count()),
				openapi.Must("heapBytes", openapi.Count()))...)),
			openapi.Must("sessions", openapi.Object(append(counts("localSessions", "cachedSessions"), openapi.Must("cacheHitRate", rate))...)),
			openapi.Must("cache", openapi.Object(counts("entries", "hits", "misses")...)),
			openapi.Must("health", openapi.Object(
				openapi.Must("trusted", openapi.Boolean().About("the registration is young enough to act on")),
				openapi.Must("lastBeatAgeMs", openapi.Number()),
				openapi.Must("redisLatencyMs", openapi.Number().About("of the last beat")),
			)),
			openapi.Must("cluster", openapi.Object(append(counts("liveNodes", "redisMasters"), openapi.Must("lastSync", openapi.Object(sync...).
				About("what the last finished sync round mended: all zero but records and tookMs in a healthy fleet")))...)),
		)),
	}
}

func exampleLocal() map[string]any {
	node := exampleNode()
	node["uptimeSeconds"], node["goroutines"], node["heapBytes"] = 86400.5, 64, 16777216
	return map[string]any{
		"node":     node,
		"sessions": map[string]any{"localSessions": 42, "cachedSessions": 17, "cacheHitRate": 0.75},
		"cache":    map[string]any{"entries": 17, "hits": 3, "misses": 1},
		"health":   map[string]any{"trusted": true, "lastBeatAgeMs": 412.5, "redisLatencyMs": 0.6},
		"cluster": map[string]any{"liveNodes": 3, "redisMasters": 3, "lastSync": map[string]any{"records": 14, "copiesRepaired": 0, "homesRestored": 0, "copiesMoved": 0,
			"countsCorrected": 0, "indexRepaired": 0, "expired": 0, "orphans": 0, "tombstonesCollected": 0, "unreadable": 0, "rolledBack": 0, "sharedMaster": 0, "tookMs": 3.5}},
	}
}
