package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redistest/host"
	"orchestrator/internal/redistest/scratch"
)

// passwords are what the shipped scripts ask for.
var passwords = []string{
	"REDIS_FLEET_PASSWORD=fleet-secret", "REDIS_REPLICATION_PASSWORD=replication-secret", "REDIS_ADMIN_PASSWORD=admin-secret",
}

// needPrograms skips where no real Redis was asked for, and has redis-server
// and redis-cli installed where it was.
func needPrograms(t *testing.T) {
	t.Helper()
	redistest.Containers(t)
	for program, debPackage := range map[string]string{"redis-server": "redis-server", "redis-cli": "redis-tools"} {
		if _, _, err := host.Program(t.Context(), program, debPackage); err != nil {
			t.Skipf("the scripts are run without containers here: %v", err)
		}
	}
}

// busPort reserves a port whose cluster bus, ten thousand above, is free as
// well and not among the kernel's own ports.
func busPort(t *testing.T) int {
	t.Helper()
	const firstOwnedByKernel = 32768
	for range 1000 {
		p, err := scratch.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Release)
		if p.Number+10000 < firstOwnedByKernel {
			return p.Number
		}
	}
	t.Fatal("no port with a free cluster bus")
	return 0
}

// startByScript starts one node with start-node.sh as an operator would.
func startByScript(t *testing.T, name string, port int, arguments ...string) *harness.Process {
	t.Helper()
	dir, err := filepath.Abs("redis")
	if err != nil {
		t.Fatal(err)
	}
	return harness.Start(t, harness.Program{
		Name: name, Addr: fmt.Sprintf("127.0.0.1:%d", port), Path: "/bin/sh",
		Args: append([]string{filepath.Join(dir, "start-node.sh"), "--port", fmt.Sprint(port)}, arguments...),
		Env:  append([]string{"REDIS_CONF_DIR=" + dir, "REDIS_DATA_DIR=" + t.TempDir()}, passwords...),
	})
}

func formCluster(t *testing.T, nodes []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "redis/form-cluster.sh")
	cmd.Env = append(append(os.Environ(), "REDIS_NODES="+strings.Join(nodes, " "), "REDIS_WAIT=60"), passwords...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("form-cluster.sh: %v\n%s", err, out)
	}
	return string(out)
}

// TestScriptsMakeACluster starts six nodes, makes a cluster of them, and makes
// it again, as every start of the compose file does.
func TestScriptsMakeACluster(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	var nodes []string
	for i := range 6 {
		p := startByScript(t, fmt.Sprintf("redis-%d", i+1), busPort(t))
		nodes = append(nodes, p.Addr())
	}
	for range 2 {
		if out := formCluster(t, nodes); !strings.Contains(out, "6 nodes, 3 masters, ready") {
			t.Fatalf("form-cluster.sh said %q", out)
		}
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: nodes[:1], Username: "orchestrator", Password: "fleet-secret", DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	for i := range 20 {
		if err := client.Set(t.Context(), fmt.Sprintf("orch:{%d}:k", i), "v", 0).Err(); err != nil {
			t.Errorf("the fleet's user cannot write: %v", err)
		}
	}
	admin := redis.NewClient(&redis.Options{Addr: nodes[5], Username: "admin", Password: "admin-secret"})
	t.Cleanup(func() { _ = admin.Close() })
	shards, err := admin.ClusterShards(t.Context()).Result()
	if err != nil || len(shards) != 3 {
		t.Fatalf("%d shards, %v", len(shards), err)
	}
	for _, s := range shards {
		if len(s.Nodes) != 2 {
			t.Errorf("a shard has %d nodes, want a master and a replica", len(s.Nodes))
		}
	}
}

// TestStartRefusesBadPasswords: one that breaks users.acl or a URL is named
// before anything starts.
func TestStartRefusesBadPasswords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ value, want string }{
		"missing": {"", "REDIS_ADMIN_PASSWORD is not set"},
		"spaces":  {"two words", "REDIS_ADMIN_PASSWORD may hold"},
		"slash":   {"a/b", "REDIS_ADMIN_PASSWORD may hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "redis/start-node.sh")
			cmd.Env = append(os.Environ(), passwords[0], passwords[1], "REDIS_ADMIN_PASSWORD="+c.value,
				"REDIS_CONF_DIR=redis", "REDIS_DATA_DIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("ended with %v and said %q, want %q", err, out, c.want)
			}
		})
	}
}
