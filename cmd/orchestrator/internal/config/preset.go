package config

// presets are sets of defaults for two aims. Neither trades away a promise: replicationFactor is never lowered.
var presets = map[string]map[string]any{
	// Many sessions per node and few calls of the nodes' own to Redis; a dead node is noticed later.
	"high-throughput": {
		"maxSessions": "10000", "gossipInterval": "2s", "heartbeatTimeout": "10s", "syncInterval": "30s", "leaseTTL": "60s",
	},
	// A third record of each session, and a dead node noticed sooner; more calls to Redis, which must have three masters.
	"high-availability": {
		"replicationFactor": "3", "gossipInterval": "500ms", "heartbeatTimeout": "3s", "syncInterval": "5s", "leaseTTL": "15s",
		"drainDelay": "10s",
	},
}
