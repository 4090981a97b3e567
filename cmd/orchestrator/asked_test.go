package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"orchestrator/client"
)

// Every command that asks a fleet does so with real nodes.
func TestARealFleetIsAsked(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=2")
	urls := regexp.MustCompile(`(?m)^  node-\d +(http://\S+)$`).FindAllStringSubmatch(greeting, -1)
	f := memoryFleet{url: urls[0][1] + "," + urls[1][1]}
	first := f.create(t, "one", "--label=tier=gold", "--node=node-2")
	second := f.create(t, "two", "--label=tier=silver,old=yes", "--status=idle")
	third := f.create(t, "three")
	for _, row := range []struct{ line, want string }{
		{"sessions list -l tier --order-by=createdAt -o=name", `^` + first + "\n" + second + `\n$`},
		{"sessions list -l tier,!old -o=name", `^` + first + `\n$`},
		{"sessions list --order-by=-createdAt --limit=2 -o=name", `^` + third + "\n" + second + `\n$`},
		{"sessions list --status=idle,failed --type=dev,ops", second},
		{"sessions get --eventual " + first, `owner +node-2\n`},
		{"sessions explain " + first, `(?s)owner +node-2 .*RECORD +KEY.*home.*CANDIDATE.*node-1`},
		{"sessions create --type=dev --name=x --workspace=/w --dry-run", `(?s)ID +TYPE.*CANDIDATE.*node-2`},
		{"sessions migrate --node=node-1 " + first, `owner +node-1\n`},
		{"nodes list", `(?m)^node-2  ready `},
		{"nodes drain --wait node-1", `(?m)^node-1  draining .* done, `},
		{"sessions get " + first, `owner +node-2\n`},
		{"nodes uncordon node-1", `(?m)^node-1  ready `},
		{"cluster metrics", `^3 sessions on 2 nodes, 2 of them healthy\n`},
		{"cluster rebalance --dry-run", `^\d moves would be\n`},
		{"cluster events --session " + first, `(?s)session\.created .*session\.moved .*node-1 -> node-2`},
		{"sessions delete " + first, first},
	} {
		if out := f.says(t, strings.Fields(row.line)...); !regexp.MustCompile(row.want).MatchString(out) {
			t.Errorf("%s\nsays %s, want %s", row.line, out, row.want)
		}
	}
	var e client.Explanation
	if err := json.Unmarshal([]byte(f.says(t, "sessions", "explain", second, "-o=json")), &e); err != nil || e.Session != second || e.Lease.Holder == "" || e.Lease.EndsIn <= 0 {
		t.Errorf("%v: %+v", err, e)
	}
	if code, all := end(); code != exitOK {
		t.Errorf("code %d:\n%s", code, all)
	}
}
