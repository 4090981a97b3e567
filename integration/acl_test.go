package integration

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"orchestrator/deploy"
	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// allowed is what the shipped file allows the fleet's user: "get", "script|load" and so on.
func allowed(t *testing.T) (commands []string) {
	t.Helper()
	for line := range strings.Lines(deploy.RedisUsers) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "orchestrator" {
			for _, w := range words[2:] {
				if name, ok := strings.CutPrefix(w, "+"); ok {
					commands = append(commands, name)
				}
			}
		}
	}
	if len(commands) == 0 {
		t.Fatal("the shipped ACL file allows the fleet's user nothing")
	}
	return commands
}

// A fleet does all it does on a cluster with the shipped configuration and as the shipped user: nothing is refused, and nothing is allowed that
// it does not use.
func TestTheFleetUserMayDoJustWhatItDoes(t *testing.T) {
	t.Parallel()
	secrets := strings.NewReplacer("@FLEET_PASSWORD@", "fleet-secret", "@REPLICATION_PASSWORD@", "replication-secret", "@ADMIN_PASSWORD@", "admin-secret")
	c := redistest.NewCluster(t, redistest.Config(deploy.RedisCluster), redistest.ACL(secrets.Replace(deploy.RedisUsers)),
		redistest.Set("masteruser", "replication"), redistest.Set("masterauth", "replication-secret"))
	start := func(id string, flags ...string) *harness.Process {
		return harness.StartNode(t, harness.NodeConfig{ID: id, Seeds: c.Addrs(),
			Flags: append([]string{"--heartbeat-timeout", "1500ms", "--gossip-interval", "300ms", "--sync-interval", "1s", "--partitions", "16", "--lease-ttl", "4s"}, flags...),
			Env:   []string{"ORCHESTRATOR_REDIS_USERNAME=orchestrator", "ORCHESTRATOR_REDIS_PASSWORD=fleet-secret"}})
	}
	f := fleetOf{prefix: "orch", nodes: []*harness.Process{start("node-1"), start("node-2", "--strategy", "round-robin"), start("node-3", "--strategy", "consistent-hash")}}
	for _, n := range f.nodes {
		awaitNodes(t, n.URL(), 3)
	}
	everyUseCase(t, f)
	f.nodes[2].Kill(t)
	eventually(t, 30*time.Second, func() string {
		if left := len(listAll(t, f.url(0), "&owner=node-3")); left > 0 {
			return fmt.Sprintf("%d sessions still belong to the killed node", left)
		}
		return ""
	})
	f.nodes[2].Restart(t)
	f.nodes[2].WaitReady(t)
	f.nodes[1].Terminate(t)
	if err := f.nodes[1].Wait(t, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	moveSomething(t, c)
	used := map[string]bool{}
	eventually(t, 60*time.Second, func() string {
		for _, n := range c.Nodes() {
			for _, m := range regexp.MustCompile(`(?m)^cmdstat_([^:]+):`).FindAllStringSubmatch(n.Admin(t).Info(t.Context(), "commandstats").Val(), -1) {
				used[m[1]] = true
			}
		}
		var idle []string
		for _, name := range allowed(t) {
			if !used[name] && !slices.Contains(onlyInTrouble, name) {
				idle = append(idle, name)
			}
		}
		if len(idle) > 0 {
			return fmt.Sprintf("allowed, but not used: %v", idle)
		}
		return ""
	})
	examineAs(t, c, "orchestrator", "fleet-secret")
	for _, n := range c.Nodes() {
		if refused := n.Refused(t); len(refused) > 0 {
			t.Errorf("%s refused %v", n, refused)
		}
	}
}

// examineAs runs doctor as a user, who may ask all that it asks.
func examineAs(t *testing.T, c *redistest.Cluster, user, password string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Build(t), "doctor", "--seeds", strings.Join(c.Addrs(), ","), "--partitions", "16")
	cmd.Env = []string{"ORCHESTRATOR_REDIS_USERNAME=" + user, "ORCHESTRATOR_REDIS_PASSWORD=" + password}
	out, err := cmd.Output() // what it finds need not be well: the fleet was just in trouble
	var failed *exec.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.ExitCode() != 1) {
		t.Fatalf("doctor: %v\n%s", err, out)
	}
	for _, check := range []string{"serving", "clocks", "slots", "nodes", "counts", "copies", "owners"} {
		if !regexp.MustCompile(`(?m)^(ok|warn|fail) +` + check + " ").Match(out) {
			t.Errorf("doctor does not tell of %s:\n%s", check, out)
		}
	}
	if m := regexp.MustCompile(`(?m)^(?:warn|fail) .*not (?:asked|found out).*$`).Find(out); m != nil {
		t.Errorf("the fleet's user does not suffice: %s", m)
	}
}

// onlyInTrouble are commands that a fleet needs when something went wrong that this test does not bring about: pttl tells how long a
// lease still runs that stands in the way of a session's adoption, asking follows a key whose slot is just moving.
var onlyInTrouble = []string{"pttl", "asking"}

// everyUseCase calls each route that changes something.
func everyUseCase(t *testing.T, f fleetOf) {
	t.Helper()
	call(t, "GET", f.url(0)+"/v1/events", nil).want(t, 200) // while some partitions have none
	call(t, "GET", f.url(0)+"/v1/events?cursor=latest", nil).want(t, 200)
	createMany(t, f.url(0), 60)
	short := draft("short")
	short["ttl"] = "1s"
	call(t, "POST", f.url(1)+"/v1/sessions", short).want(t, 201)
	for i := range f.nodes {
		s := read[session](t, call(t, "POST", f.url(i)+"/v1/sessions", draft("one"), "Idempotency-Key", fmt.Sprint("k", i)).want(t, 201))
		call(t, "POST", f.url(i+1)+"/v1/sessions", draft("one"), "Idempotency-Key", fmt.Sprint("k", i)).want(t, 200)
		at := f.url(i) + "/v1/sessions/" + s.ID
		call(t, "GET", at, nil).want(t, 200)
		call(t, "GET", at+"/explain", nil).want(t, 200)
		call(t, "POST", f.url(i)+"/v1/sessions?dryRun=true", draft("one")).want(t, 200)
		call(t, "PATCH", at, `{"status":"idle"}`).want(t, 200)
		call(t, "POST", at+"/messages", `{"data":1}`, "Idempotency-Key", "m").want(t, 201)
		call(t, "POST", at+"/messages", `{"data":1}`, "Idempotency-Key", "m").want(t, 201)
		call(t, "GET", at+"/messages", nil).want(t, 200)
		call(t, "PUT", at+"/context", `{}`).want(t, 201)
		call(t, "GET", at+"/context", nil).want(t, 200)
		call(t, "POST", at+"/migrate", nil).want(t, 200)
		call(t, "DELETE", at, nil).want(t, 204)
	}
	call(t, "POST", f.url(0)+"/v1/nodes/node-2/cordon", nil).want(t, 200)
	call(t, "POST", f.url(0)+"/v1/nodes/node-2/uncordon", nil).want(t, 200)
	call(t, "GET", f.url(0)+"/v1/nodes/node-2/assignments", nil).want(t, 200)
	listAll(t, f.url(2), "")
	listAll(t, f.url(1), "&orderBy=-createdAt&labels=!old&owner=node-1,node-2,node-3")
}

// moveSomething has copies share home's master, so that the sync round must move them.
func moveSomething(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	from, to := c.MasterOf(t, 16383), c.MasterOf(t, 0)
	var slots []int
	for _, slot := range c.Slots(t, from) {
		if slot%1024 == 0 {
			slots = append(slots, slot)
		}
	}
	c.MigrateSlots(t, from, to, slots...)
}
