package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// given is what a test sets in each source.
type given struct {
	file  string // YAML
	env   []string
	flags []string
}

func (g given) load(t *testing.T) (Config, string, error) {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(fs)
	args, path := g.flags, ""
	if g.file != "" {
		path = filepath.Join(t.TempDir(), "node.yaml")
		if err := os.WriteFile(path, []byte(g.file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", path}, args...)
	}
	if err := fs.Parse(args); err != nil {
		t.Fatalf("flags %q: %v", args, err)
	}
	c, err := Load(fs, g.env)
	return c, path, err
}

func TestLaterLayersWinKeyByKey(t *testing.T) {
	t.Parallel()
	g := given{
		file:  "preset: high-throughput\nmaxSessions: 20\nweight: 2\nport: 9001\nzone: from-file\n",
		env:   []string{"ORCHESTRATOR_MAX_SESSIONS=30", "ORCHESTRATOR_WEIGHT=3", "ORCHESTRATOR_ZONE=", "HOME=/nowhere"},
		flags: []string{"--max-sessions", "40"},
	}
	c, _, err := g.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.MaxSessions != 40 || c.Weight != 3 || c.Port != 9001 || c.Zone != "from-file" {
		t.Errorf("maxSessions %d from flag, weight %v from environment, port %d and zone %q from file", c.MaxSessions, c.Weight, c.Port, c.Zone)
	}
	if c.HeartbeatTimeout != 10*time.Second || c.LeaseTTL != time.Minute {
		t.Errorf("the preset gave heartbeatTimeout %s and leaseTTL %s", c.HeartbeatTimeout, c.LeaseTTL)
	}
	if c.SyncInterval != 30*time.Second || c.ReplicationFactor != 2 || c.RequestTimeout != 10*time.Second {
		t.Errorf("untouched keys: %+v", c)
	}
}

func TestThePresetIsChosenByTheSameOrder(t *testing.T) {
	t.Parallel()
	g := given{
		file:  "preset: high-throughput\n",
		env:   []string{"ORCHESTRATOR_PRESET=high-availability"},
		flags: []string{"--replication-factor=2"},
	}
	c, _, err := g.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.Preset != "high-availability" || c.HeartbeatTimeout != 3*time.Second || c.ReplicationFactor != 2 {
		t.Errorf("preset %s, heartbeatTimeout %s, replicationFactor %d", c.Preset, c.HeartbeatTimeout, c.ReplicationFactor)
	}
}

func TestAnEmptyPresetOfAFlagIsNone(t *testing.T) {
	t.Parallel()
	for _, g := range []given{
		{env: []string{"ORCHESTRATOR_PRESET=high-availability"}, flags: []string{"--preset="}},
		{file: "preset: high-availability\n", flags: []string{"--preset="}},
	} {
		if c, _, err := g.load(t); err != nil || c.Preset != "" || c.HeartbeatTimeout != 5*time.Second {
			t.Errorf("%v: preset %q, heartbeatTimeout %s", err, c.Preset, c.HeartbeatTimeout)
		}
	}
}

func TestEveryPresetIsValid(t *testing.T) {
	t.Parallel()
	for name, values := range presets {
		c, _, err := given{flags: []string{"--preset", name}}.load(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for key, want := range values {
			k, ok := find(key)
			if !ok || k.value(&c) != want.(string) && k.value(&c) != "1m" {
				t.Errorf("%s: %s is %q, want %q", name, key, k.value(&c), want)
			}
		}
	}
}

func TestDefaultsAreValidAndNodesDiffer(t *testing.T) {
	t.Parallel()
	a, b := Default(), Default()
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
	if a.NodeID == b.NodeID {
		t.Errorf("two nodes are both named %s", a.NodeID)
	}
}

func TestTheFileMayBeNamedByAVariable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "node.yaml")
	if err := os.WriteFile(path, []byte("seeds:\n  - redis://10.0.0.1\n  - 10.0.0.2:7000\nsyncInterval: 2500\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := given{env: []string{"ORCHESTRATOR_CONFIG=" + path}}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Redis()
	if err != nil || strings.Join(r.Addrs, " ") != "10.0.0.1:6379 10.0.0.2:7000" || c.SyncInterval != 2500*time.Millisecond {
		t.Errorf("addresses %v, syncInterval %s, error %v", r.Addrs, c.SyncInterval, err)
	}
}

func TestAListGrowsWithItsFlag(t *testing.T) {
	t.Parallel()
	c, _, err := given{flags: []string{"--seeds", "a:1, b:2", "--seeds=c:3"}}.load(t)
	if err != nil || strings.Join(c.Seeds, " ") != "a:1 b:2 c:3" {
		t.Errorf("seeds %q, error %v", c.Seeds, err)
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	g := given{
		file: "maxsessions: 5\nredisPasword: hunter2\nnested:\n  deep: 1\n",
		env:  []string{"ORCHESTRATOR_MAXSESSIONS=5", "ORCHESTRATOR_COLOUR=blue"},
	}
	_, path, err := g.load(t)
	want := strings.Join([]string{
		"ORCHESTRATOR_MAXSESSIONS (from the environment) is not a known key: did you mean ORCHESTRATOR_MAX_SESSIONS?",
		"ORCHESTRATOR_COLOUR (from the environment) is not a known key",
		"maxsessions (from " + path + ") is not a known key: did you mean maxSessions?",
		"nested.deep (from " + path + ") is not a known key",
		"redisPasword (from " + path + ") is not a known key: did you mean redisPassword?",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	g := given{env: []string{
		"ORCHESTRATOR_TEST_REDIS=auto", "ORCHESTRATOR_URL=http://10.0.0.7:8080",
		"ORCHESTRATOR_SERVICE_HOST=10.96.0.7", "ORCHESTRATOR_SERVICE_PORT=8080", "ORCHESTRATOR_SERVICE_PORT_HTTP=8080",
		"ORCHESTRATOR_PORT=tcp://10.96.0.7:8080", "ORCHESTRATOR_PORT_8080_TCP=tcp://10.96.0.7:8080",
		"ORCHESTRATOR_PORT_8080_TCP_PROTO=tcp", "ORCHESTRATOR_PORT_8080_TCP_PORT=8080", "ORCHESTRATOR_PORT_8080_TCP_ADDR=10.96.0.7",
		"ORCHESTRATOR_API=http://127.0.0.1:8080", "ORCHESTRATOR_EPOCH=3", "ORCHESTRATOR_SESSION_ID=x", "ORCHESTRATOR_SESSION_NAME=x", "ORCHESTRATOR_WORKSPACE=/w",
		"ORCHESTRATOR_IMAGE=orchestrator:1", "ORCHESTRATOR_HEADLESS_SERVICE_HOST=None", "ORCHESTRATOR_HEADLESS_PORT=tcp://10.96.0.8:80",
	}}
	c, _, err := g.load(t)
	if err != nil || c.Port != 8080 {
		t.Errorf("port %d, error %v", c.Port, err)
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, _, err := given{flags: []string{"--config", "/nonexistent/node.yaml", "--port=0"}}.load(t)
	if err == nil || !strings.Contains(err.Error(), `config "/nonexistent/node.yaml" (from --config) cannot be read: `) ||
		!strings.Contains(err.Error(), "port \"0\" (from --port) must be") {
		t.Errorf("got %v", err)
	}
	if _, _, err := (given{flags: []string{"--config="}}).load(t); err == nil || !strings.Contains(err.Error(), `config "" (from --config) cannot be read`) {
		t.Errorf("an empty path: %v", err)
	}
	for _, bad := range []string{"port: [1\n", "- a\n- b\n", "port: 1\nport: 2\n"} {
		if _, path, err := (given{file: bad}).load(t); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if _, _, err := (given{file: "# nothing but a comment\n"}).load(t); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	g := given{
		file:  "maxSessions: lots\nleaseTTL:\n",
		env:   []string{"ORCHESTRATOR_STRATEGY=random"},
		flags: []string{"--heartbeat-timeout=1500", "--gossip-interval=1s"},
	}
	_, path, err := g.load(t)
	want := strings.Join([]string{
		`maxSessions "lots" (from ` + path + `) must be a whole number from 1 to 1000000`,
		`leaseTTL "" (from ` + path + `) must be a duration from 3s to 1h (such as "5s"; a bare number is milliseconds)`,
		`strategy "random" (from ORCHESTRATOR_STRATEGY) must be least-connections, consistent-hash or round-robin`,
		`heartbeatTimeout "1.5s" (from --heartbeat-timeout) must be at least twice the interval at which the fleet is looked at, gossipInterval "1s" (from --gossip-interval)`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}
