package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/deploy"
	"orchestrator/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// users is the shipped file with passwords in it.
func users() string {
	return strings.NewReplacer(
		"@FLEET_PASSWORD@", "fleet-secret", "@REPLICATION_PASSWORD@", "replication-secret", "@ADMIN_PASSWORD@", "admin-secret",
	).Replace(deploy.RedisUsers)
}

// granted is what the shipped file lets a user do: "+get", "~orch:*" and so on.
func granted(t *testing.T, user string) []string {
	t.Helper()
	for line := range strings.Lines(deploy.RedisUsers) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "user" && words[1] == user {
			return words[2:]
		}
	}
	t.Fatalf("users.acl has no user %s", user)
	return nil
}

// TestScriptsMayCallWhatTheyCall reads every script of the fleet: a command that
// is missing from the file would fail in production only.
func TestScriptsMayCallWhatTheyCall(t *testing.T) {
	t.Parallel()
	rules := granted(t, "orchestrator")
	call := regexp.MustCompile(`redis\.p?call\(\s*['"](\w+)['"]`)
	scripts := 0
	err := filepath.WalkDir("../internal", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".lua" {
			return err
		}
		scripts++
		source, err := os.ReadFile(path)
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			if want := "+" + strings.ToLower(m[1]); !slices.Contains(rules, want) {
				t.Errorf("%s calls %s, which the fleet's user may not", path, m[1])
			}
		}
		return err
	})
	if err != nil || scripts == 0 {
		t.Fatalf("read %d scripts, %v", scripts, err)
	}
}

// startShipped starts a cluster on the shipped configuration and users.
func startShipped(t *testing.T) *redistest.Cluster {
	t.Helper()
	return redistest.NewCluster(t, redistest.Config(deploy.RedisCluster), redistest.ACL(users()),
		redistest.Set("masteruser", "replication"), redistest.Set("masterauth", "replication-secret"))
}

func as(user, password string) func(*redis.UniversalOptions) {
	return func(o *redis.UniversalOptions) { o.Username, o.Password = user, password }
}

// TestShippedClusterFailsOver has the shipped replication user carry data to a
// replica that then takes over.
func TestShippedClusterFailsOver(t *testing.T) {
	t.Parallel()
	c := startShipped(t)
	client := c.Client(t, as("orchestrator", "fleet-secret"))
	const key = "orch:{a}:session:1"
	if err := client.Set(t.Context(), key, "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	slot := int(c.Nodes()[0].Admin(t).ClusterKeySlot(t.Context(), key).Val())
	old := c.MasterOf(t, slot)
	c.WaitReady(t)
	old.Kill(t)
	master := c.AwaitNewMaster(t, slot, old)
	if got, err := master.Admin(t).Get(t.Context(), key).Result(); got != "v" || err != nil {
		t.Errorf("the new master has %q, %v", got, err)
	}
	old.Restart(t)
	c.WaitReady(t)
	if n := old.Admin(t).DBSize(t.Context()).Val(); n != 1 {
		t.Errorf("the old master came back with %d keys, want 1", n)
	}
}

// TestRestartKeepsWhatScriptsWrote: a script that writes twice is a transaction
// in the append-only file, and Redis 7.0 replays transactions with the rights of
// the user "default". Were they taken from it, every such write would be lost
// with nothing but a line in the log.
func TestRestartKeepsWhatScriptsWrote(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Config(deploy.RedisCluster), redistest.ACL(users()),
		redistest.Set("cluster-enabled", "no"), redistest.Set("appendfsync", "always"))
	client := s.Client(t, as("orchestrator", "fleet-secret"))
	keys := []string{"orch:{a}:session:1", "orch:{a}:lease:1"}
	const twice = `redis.call('SET', KEYS[1], 'v') redis.call('SET', KEYS[2], 'v')`
	if err := client.Eval(t.Context(), twice, keys).Err(); err != nil && err != redis.Nil {
		t.Fatal(err)
	}
	s.Node().Kill(t)
	s.Node().Restart(t)
	if got, err := client.Exists(t.Context(), keys...).Result(); got != 2 || err != nil {
		t.Errorf("after the restart %d of 2 keys are there (%v)", got, err)
	}
}

// TestShippedSettingsAreInForce asks a running node for those on which a
// promise of the fleet stands.
func TestShippedSettingsAreInForce(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Config(deploy.RedisCluster), redistest.Set("cluster-enabled", "no"))
	node := s.Node().Admin(t)
	for name, want := range map[string]string{
		"maxmemory-policy":              "noeviction",
		"appendonly":                    "yes",
		"appendfsync":                   "everysec",
		"cluster-node-timeout":          "1000",
		"cluster-require-full-coverage": "no",
		"repl-diskless-sync-delay":      "0",
		"min-replicas-to-write":         "0",
		"busy-reply-threshold":          "500",
		"save":                          "",
	} {
		got, err := node.ConfigGet(t.Context(), name).Result()
		if err != nil || got[name] != want {
			t.Errorf("%s is %q (%v), want %q", name, got[name], err, want)
		}
	}
}

// TestUsersMayDoTheirWorkAndNoMore tries each user on what is theirs and on
// what is not.
func TestUsersMayDoTheirWorkAndNoMore(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.ACL(users()))
	for name, c := range map[string]struct {
		user, password string
		command        []any
		allowed        bool
	}{
		"fleet reads its keys":          {"orchestrator", "fleet-secret", []any{"HGETALL", "orch:{a}:session:1"}, true},
		"fleet loads a script":          {"orchestrator", "fleet-secret", []any{"SCRIPT", "LOAD", "return 1"}, false}, // it sends texts by EVAL
		"fleet takes a lease":           {"orchestrator", "fleet-secret", []any{"SET", "orch:{a}:lease:1", "v", "PX", 1000, "NX"}, true},
		"fleet asks for the version":    {"orchestrator", "fleet-secret", []any{"INFO", "server", "memory"}, true},
		"fleet reads another's keys":    {"orchestrator", "fleet-secret", []any{"GET", "other"}, false},
		"fleet flushes":                 {"orchestrator", "fleet-secret", []any{"FLUSHALL"}, false},
		"fleet lists keys":              {"orchestrator", "fleet-secret", []any{"KEYS", "orch:*"}, false},
		"fleet scans":                   {"orchestrator", "fleet-secret", []any{"SCAN", 0}, false},
		"fleet changes settings":        {"orchestrator", "fleet-secret", []any{"CONFIG", "SET", "maxmemory", 1}, false},
		"fleet flushes scripts":         {"orchestrator", "fleet-secret", []any{"SCRIPT", "FLUSH"}, false},
		"replication reads":             {"replication", "replication-secret", []any{"GET", "orch:{a}:session:1"}, false},
		"probe pings":                   {"probe", "anything", []any{"PING"}, true},
		"probe reads":                   {"probe", "anything", []any{"GET", "orch:{a}:session:1"}, false},
		"admin changes settings":        {"admin", "admin-secret", []any{"CONFIG", "SET", "slowlog-max-len", 512}, true},
		"nobody pings":                  {"", "", []any{"PING"}, false},
		"fleet with a wrong secret":     {"orchestrator", "admin-secret", []any{"PING"}, false},
		"default user with any secret":  {"default", "anything", []any{"PING"}, false},
		"fleet writes a foreign prefix": {"orchestrator", "fleet-secret", []any{"SET", "x:orch:1", "v"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := s.Client(t, as(c.user, c.password), func(o *redis.UniversalOptions) { o.DisableIdentity = true })
			err := client.Do(t.Context(), c.command...).Err()
			if err == redis.Nil {
				err = nil
			}
			if (err == nil) != c.allowed {
				t.Errorf("%v: %v, want allowed %v", c.command, err, c.allowed)
			}
		})
	}
}
