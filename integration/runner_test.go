package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// sumAgent is README's agent, and notes its process for each epoch.
const sumAgent = `#!/bin/sh
echo $$ > pid-$ORCHESTRATOR_EPOCH
context=$ORCHESTRATOR_API/v1/sessions/$ORCHESTRATOR_SESSION_ID/context
case $(curl -s --retry 5 -o known -w '%{http_code}' "$context") in
  200) sum=$(cat known) ;;
  404) sum=0 ;;
  *) exit 1 ;;
esac
while read -r n; do
  sum=$((sum + n))
  curl -sf --retry 5 -X PUT "$context" -H "Session-Epoch: $ORCHESTRATOR_EPOCH" --data-binary "$sum" || exit 1
  echo "$sum"
done
`

// An agent goes on at another node, from its context, when its node is killed; what ran beside that one is gone.
func TestAnAgentGoesOnWhenItsNodeIsKilled(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	f := startFleet(t, r, 2, "--heartbeat-timeout", "3s", "--gossip-interval", "500ms")
	dir := t.TempDir()
	agent, workspace := filepath.Join(dir, "agent.sh"), filepath.Join(dir, "work")
	if err := os.WriteFile(agent, []byte(sumAgent), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, node := range f.nodes {
		harness.Start(t, harness.Program{Name: fmt.Sprint("runner-", i+1), Path: harness.Build(t),
			Args: []string{"run", "--node", node.URL(), "--type", "sum", "--workspace", "create", "--restart-pause", "100ms", "--", agent}})
	}
	body := map[string]any{"type": "sum", "name": "first", "workspace": workspace}
	s := read[session](t, call(t, "POST", f.url(0)+"/v1/sessions", body).want(t, 201))
	path, stays, dies := "/v1/sessions/"+s.ID+"/messages", 0, 1
	if s.Owner == "node-1" {
		stays, dies = 1, 0
	}
	says := func(sum string) {
		t.Helper()
		eventually(t, 60*time.Second, func() string {
			a, err := try(t.Context(), "GET", f.url(stays)+path+"?kind=output", nil)
			if err != nil || a.status != 200 {
				return fmt.Sprintf("%v %d %s", err, a.status, a.body)
			}
			var page struct{ Messages []struct{ Data any } }
			if err := json.Unmarshal(a.body, &page); err != nil {
				return err.Error()
			}
			for _, m := range page.Messages {
				if m.Data == sum {
					return ""
				}
			}
			return fmt.Sprintf("the agent has not said %s: %s", sum, a.body)
		})
	}
	call(t, "POST", f.url(stays)+path, map[string]any{"messages": []any{map[string]any{"kind": "input", "data": 30}, map[string]any{"kind": "input", "data": 10}}}).want(t, 201)
	says("40")
	former := agentOf(t, workspace, 1)
	f.nodes[dies].Kill(t)
	eventually(t, 60*time.Second, func() string {
		a, err := try(t.Context(), "POST", f.url(stays)+path, map[string]any{"kind": "input", "data": 2})
		if err != nil || a.status != 201 {
			return fmt.Sprintf("%v %d %s", err, a.status, a.body)
		}
		return ""
	})
	// Input comes at least once: numbers of which the dead node's agent had not been recorded to have read come again.
	eventually(t, 60*time.Second, func() string {
		if _, err := os.Stat(filepath.Join(workspace, "pid-2")); err != nil {
			return "the agent was not started under epoch 2"
		}
		return ""
	})
	if err := syscall.Kill(former, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the agent beside the dead node is still there when the other begins: %v", err)
	}
	eventually(t, 60*time.Second, func() string {
		a, err := try(t.Context(), "GET", f.url(stays)+"/v1/sessions/"+s.ID+"/context", nil)
		if sum, _ := strconv.Atoi(string(a.body)); err != nil || a.status != 200 || sum < 42 {
			return fmt.Sprintf("the context says %d %s, %v", a.status, a.body, err)
		}
		return ""
	})
}

// agentOf is the process that ran under an epoch.
func agentOf(t *testing.T, workspace string, epoch int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(workspace, fmt.Sprint("pid-", epoch)))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// An agent is not ended while the Redis master that beats go to is replaced, where heartbeatTimeout leaves the time for that: deploy/README.md says
// how much.
func TestAnAgentOutlivesTheFleetsRedisMaster(t *testing.T) {
	t.Parallel()
	c := redistest.NewCluster(t)
	f := startFleet(t, c, 1, "--heartbeat-timeout", "30s", "--lease-ttl", "90s")
	node, workspace := f.nodes[0], filepath.Join(t.TempDir(), "work")
	harness.Start(t, harness.Program{Name: "runner", Path: harness.Build(t), Args: []string{"run", "--node", node.URL(), "--type", "echo",
		"--workspace", "create", "--", "/bin/sh", "-c", `echo $$ > pid-$ORCHESTRATOR_EPOCH; exec cat`}})
	call(t, "POST", node.URL()+"/v1/sessions", map[string]any{"type": "echo", "name": "first", "workspace": workspace}).want(t, 201)
	eventually(t, 60*time.Second, func() string {
		if text, err := os.ReadFile(filepath.Join(workspace, "pid-1")); err != nil || len(text) == 0 {
			return fmt.Sprintf("the agent was not started: %v", err)
		}
		return ""
	})
	agent := agentOf(t, workspace, 1)
	slot := int(c.Nodes()[0].Admin(t).ClusterKeySlot(t.Context(), f.prefix+":{fleet}:nodes").Val())
	victim := c.MasterOf(t, slot)
	victim.Kill(t)
	c.AwaitNewMaster(t, slot, victim)
	replaced := time.Now()
	eventually(t, 60*time.Second, func() string {
		a, err := try(t.Context(), "GET", node.URL()+"/v1/nodes/node-1", nil)
		var n struct{ HeartbeatAt time.Time }
		if err == nil {
			err = json.Unmarshal(a.body, &n)
		}
		if err != nil || !n.HeartbeatAt.After(replaced) {
			return fmt.Sprintf("no beat since the master was replaced: %d %s, %v", a.status, a.body, err)
		}
		return ""
	})
	if again := agentOf(t, workspace, 1); again != agent {
		t.Errorf("the agent was ended and started again: process %d, then %d", agent, again)
	}
	if err := syscall.Kill(agent, 0); err != nil {
		t.Errorf("the agent is gone: %v", err)
	}
}
