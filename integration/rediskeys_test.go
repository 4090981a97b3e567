package integration

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/balancer"
	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	domain "orchestrator/internal/session"
)

// documentedKey is a row of the table of keys in docs/redis-keys.md.
type documentedKey struct {
	name    string
	pattern *regexp.Regexp
	kind    string
	ttl     string
}

// documentedKeys reads the table of keys, for a fleet with the given prefix.
func documentedKeys(t testing.TB, page, prefix string) []documentedKey {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `(orch:[^`]+)` \\| (\\w+) \\| ([^|]+) \\|")
	placeholders := strings.NewReplacer(`\{P\}`, `\{p\d{4}\.[0-9a-z]+\}`, `\{C\}`, `\{p\d{4}\.[0-9a-z]+\}`, "<node>", `[\w.-]+`, "<id>", `[0-9a-f-]{36}`,
		"<holder>", `[\w.-]+/[0-9a-f]{16}`, "<digest>", `[0-9a-f]{32}`)
	var keys []documentedKey
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		pattern := regexp.QuoteMeta(prefix + strings.TrimPrefix(m[1], "orch"))
		keys = append(keys, documentedKey{m[1], regexp.MustCompile("^" + placeholders.Replace(pattern) + "$"), m[2], strings.TrimSpace(m[3])})
	}
	return keys
}

// documentedFields reads the table of fields below a heading.
func documentedFields(page, heading string) []string {
	_, section, _ := strings.Cut(page, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	var fields []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
		fields = append(fields, m[1])
	}
	return fields
}

// eachKey calls fn with every key under the prefix, on the server that holds it.
func eachKey(t testing.TB, r redistest.Redis, prefix string, fn func(ctx context.Context, c *redis.Client, key string)) {
	t.Helper()
	var mu sync.Mutex
	walk := func(ctx context.Context, c *redis.Client) error {
		scan := c.Scan(ctx, 0, prefix+":*", 500).Iterator()
		for scan.Next(ctx) {
			mu.Lock()
			fn(ctx, c, scan.Val())
			mu.Unlock()
		}
		return scan.Err()
	}
	client := r.Client(t)
	var err error
	if cluster, ok := client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(t.Context(), walk)
	} else {
		err = walk(t.Context(), client.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// docs/redis-keys.md describes every key that a fleet makes, with its type and whether it ends, and every field of a node and a session;
// and what it tells operators to type answers what it says.
func TestRedisKeysAreAsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/redis-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3, "--heartbeat-timeout", "1500ms", "--gossip-interval", "300ms", "--sync-interval", "1s", "--max-sessions", "20")
		inTurn := startNode(t, r, f.prefix, "node-4", "--strategy", "round-robin", "--max-sessions", "20")
		awaitNodes(t, f.url(0), 4)
		awaitNodes(t, f.url(1), 4)
		call(t, "POST", inTurn.URL()+"/v1/sessions", draft("in turn")).want(t, 201)
		id := useEverything(t, f)
		seen := map[string]bool{}
		documented := documentedKeys(t, page, f.prefix)
		look := func() {
			eachKey(t, r, f.prefix, func(ctx context.Context, c *redis.Client, key string) { checkKey(ctx, t, c, documented, key, seen) })
		}
		reserve(t, r, f.prefix, f.url(0), "node-2")
		look()
		f.nodes[2].Kill(t) // the others have no room for all it had: its recovery stays under way
		eventually(t, 20*time.Second, func() string {
			look()
			var missing []string
			for _, d := range documented {
				if !seen[d.name] && !slices.Contains(madeElsewhere, d.name) && (r.Masters() > 1 || !strings.Contains(d.name, "{C}")) {
					missing = append(missing, d.name)
				}
			}
			if len(missing) > 0 {
				return fmt.Sprintf("documented, but never seen: %v", missing)
			}
			return ""
		})
		checkFields(t, r, f.prefix, page, id)
		runDocumented(t, r, f.prefix, page, id)
	})
}

// madeElsewhere are keys and fields that the fleet of this test does not bring about, or for less time than a look at all keys takes:
// from needs a move, which TestCopiesMoveAwayFromHomesMaster makes; the others need a death of a moment ago, a node that drains, one
// that beats and does not serve, the end of most nodes at once, or a request that nobody has dealt with yet, which the tests of the
// registry and of the requests make.
var madeElsewhere = []string{"from", "orch:{fleet}:handover:<node>", "orch:{fleet}:rebalance", "drainStartedAt", "drainDeadline", "drainFrom", "quarantine", "quarantineEnds",
	"orch:{fleet}:verdicts:<node>", "orch:{fleet}:brake", "orch:{fleet}:deaths"}

// useEverything makes one of each thing that leaves a key, and returns a session with a time to live.
func useEverything(t testing.TB, f fleetOf) string {
	t.Helper()
	createMany(t, f.url(0), 60)
	body := draft("watched")
	body["ttl"] = "1h"
	id := read[session](t, call(t, "POST", f.url(0)+"/v1/sessions", body, "Idempotency-Key", "keys").want(t, 201)).ID
	call(t, "POST", f.url(1)+"/v1/sessions/"+id+"/messages", `{"data":{"text":"x"}}`, "Idempotency-Key", "keys").want(t, 201)
	call(t, "PUT", f.url(1)+"/v1/sessions/"+id+"/context", `{}`).want(t, 201)
	gone := read[session](t, call(t, "POST", f.url(1)+"/v1/sessions", draft("gone")).want(t, 201)).ID
	call(t, "DELETE", f.url(0)+"/v1/sessions/"+gone, nil).want(t, 204)
	return id
}

// reserve leaves a reservation on a node that nobody settles: what a create under way has for milliseconds.
func reserve(t testing.TB, r redistest.Redis, prefix, url, node string) {
	t.Helper()
	client, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	keys, err := keyspace.New(prefix, 256)
	if err != nil {
		t.Fatal(err)
	}
	placer, err := balancer.New(client, keys, balancer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	is := read[struct{ ID, Incarnation string }](t, call(t, "GET", url+"/v1/nodes/"+node, nil).want(t, 200))
	candidate := domain.Node{Holder: domain.Holder{Node: domain.NodeID(is.ID), Incarnation: is.Incarnation}, State: domain.Ready, Weight: 1}
	attempt := balancer.Attempt{Session: domain.NewID(time.Now()), Key: string(domain.NewOpID(time.Now()))}
	if _, err := placer.Reserve(t.Context(), balancer.Request{Attempts: []balancer.Attempt{attempt}, Candidates: []domain.Node{candidate}}); err != nil {
		t.Fatal(err)
	}
}

func checkKey(ctx context.Context, t testing.TB, c *redis.Client, documented []documentedKey, key string, seen map[string]bool) {
	i := slices.IndexFunc(documented, func(d documentedKey) bool { return d.pattern.MatchString(key) })
	if i < 0 {
		t.Errorf("key %s is not documented", key)
		return
	}
	d := documented[i]
	kind, err := c.Type(ctx, key).Result()
	if err != nil || kind == "none" {
		return
	}
	if kind != d.kind {
		t.Errorf("key %s is a %s, documented as %s", key, kind, d.kind)
	}
	ttl, err := c.PTTL(ctx, key).Result()
	ends := ttl > 0
	if err == nil && ttl != -2 && d.ttl != "none, then a day" && ends != (d.ttl != "none") {
		t.Errorf("key %s has the TTL %s, documented as %s", key, ttl, d.ttl)
	}
	seen[d.name] = true
}

// checkFields compares the fields of registrations, home records, copies and tombstones with the page.
func checkFields(t testing.TB, r redistest.Redis, prefix, page, id string) {
	t.Helper()
	node, sess := documentedFields(page, "## Fields of a node"), documentedFields(page, "## Fields of a session")
	seen := map[string]bool{}
	eachKey(t, r, prefix, func(ctx context.Context, c *redis.Client, key string) {
		allowed := sess
		switch kind, rest := kindOf(key); {
		case kind == "node":
			allowed = node
		case kind != "session" && kind != "copy":
			return
		case rest == id && c.HGet(ctx, key, "expiresAt").Val() == "":
			t.Errorf("%s lacks expiresAt", key)
		}
		for field, value := range c.HGetAll(ctx, key).Val() {
			seen[field] = true
			if !slices.Contains(allowed, field) {
				t.Errorf("field %s of %s is not documented", field, key)
			}
			if field != "blob" && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("field %s of %s does not read as text: %q", field, key, value)
			}
		}
	})
	for _, field := range append(node, sess...) {
		if !seen[field] && !slices.Contains(madeElsewhere, field) {
			t.Errorf("documented field %s was never seen", field)
		}
	}
}

// runDocumented sends every documented redis-cli line and wants an answer that is not empty.
func runDocumented(t testing.TB, r redistest.Redis, prefix, page, id string) {
	t.Helper()
	var homeTag, copyTag string
	eachKey(t, r, prefix, func(_ context.Context, _ *redis.Client, key string) {
		tag, _, _ := strings.Cut(strings.TrimPrefix(key, prefix+":"), ":")
		switch kind, rest := kindOf(key); {
		case rest != id:
		case kind == "session":
			homeTag = tag
		case kind == "copy":
			copyTag = tag
		}
	})
	fill := strings.NewReplacer("orch:", prefix+":", "{P}", homeTag, "{C}", copyTag, "<id>", id)
	lines := regexp.MustCompile(`(?m)^\$ redis-cli -c (.+)$`).FindAllStringSubmatch(page, -1)
	if len(lines) < 5 {
		t.Fatalf("%d redis-cli lines on the page", len(lines))
	}
	for _, m := range lines {
		if strings.Contains(m[1], "{C}") && copyTag == "" || strings.Contains(m[1], ":dead") {
			continue
		}
		args := []any{}
		command, _, _ := strings.Cut(m[1], " | ") // what comes after a pipe only shows the answer
		for _, word := range strings.Fields(fill.Replace(command)) {
			args = append(args, word)
		}
		answer, err := r.Client(t).Do(t.Context(), args...).Result()
		text := fmt.Sprint(answer)
		if err != nil || text == "" || text == "[]" || text == "map[]" || strings.Contains(text, "<nil>") || text == "-2" {
			t.Errorf("%s answers %v %v", m[1], answer, err)
		}
	}
}
