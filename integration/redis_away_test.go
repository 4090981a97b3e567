package integration

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

var away = flag.Duration("away", 20*time.Second, "how long Redis is away in tests of that")

// soon are timeouts of which several pass while Redis is away or full.
var soon = []string{"--heartbeat-timeout", "2s", "--gossip-interval", "500ms", "--lease-ttl", "5s", "--sync-interval", "1s",
	"--partitions", "64", "--request-timeout", "2s"}

// All of Redis goes away for longer than any registration or lease lives, and comes back with its data: nodes live on, say what is the
// matter, and serve again soon after; no session moves.
func TestAllOfRedisIsAway(t *testing.T) {
	t.Parallel()
	durable := []redistest.Option{redistest.AppendOnly(), redistest.Set("appendfsync", "always")}
	for name, start := range map[string]func(*testing.T) redistest.Redis{
		"single":  func(t *testing.T) redistest.Redis { return redistest.NewServer(t, durable...) },
		"cluster": func(t *testing.T) redistest.Redis { return redistest.NewCluster(t, durable...) },
	} {
		t.Run(name+" paused", func(t *testing.T) {
			t.Parallel()
			goesAway(t, start(t), (*redistest.Node).Pause, (*redistest.Node).Resume)
		})
		t.Run(name+" killed", func(t *testing.T) {
			t.Parallel()
			goesAway(t, start(t), (*redistest.Node).Kill, (*redistest.Node).Restart)
		})
	}
}

func goesAway(t *testing.T, r redistest.Redis, leave, comeBack func(*redistest.Node, testing.TB)) {
	l := underLoad(t, startFleet(t, r, 3, soon...), 60)
	for _, n := range r.Nodes() {
		leave(n, t)
	}
	ctx, back := context.WithTimeout(t.Context(), *away)
	defer back()
	probes := 0
	for i := 0; ctx.Err() == nil; i++ {
		node := l.fleet.nodes[i%3]
		call(t, "GET", node.URL()+"/livez", nil).want(t, 200)
		id := node.URL() + "/v1/sessions/" + l.ids[i%len(l.ids)]
		unavailable(t, func() answer { return call(t, "GET", id, nil) })
		unavailable(t, func() answer { return call(t, "PATCH", id, `{"status":"idle"}`) })
		unavailable(t, func() answer { return call(t, "POST", node.URL()+"/v1/sessions", draft("never")) })
		probes++
	}
	for _, n := range r.Nodes() {
		comeBack(n, t)
	}
	returned := time.Now()
	probesBack := 0
	for i, node := range l.fleet.nodes {
		eventually(t, 60*time.Second, func() string {
			probesBack++
			url := node.URL()
			for _, a := range []answer{call(t, "GET", url+"/readyz", nil), call(t, "PATCH", url+"/v1/sessions/"+l.ids[i], `{"status":"active"}`),
				call(t, "POST", url+"/v1/sessions", draft("back"))} {
				if a.status != 200 && a.status != 201 {
					return fmt.Sprintf("%s answers %d %s", node.Name(), a.status, a.body)
				}
			}
			return ""
		})
	}
	t.Logf("measured until all nodes served after Redis was away for %s (%d probes of each kind): %s",
		*away, probes, time.Since(returned).Round(10*time.Millisecond))
	l.again(t)
	l.end(t)
	for i := range l.open { // the probes' own changes
		l.open[i].Add(int64(probes + probesBack))
	}
	l.intact(t)
}

// unavailable holds that a call is refused with 503 and when to try again, within the request's time.
func unavailable(t *testing.T, do func() answer) {
	t.Helper()
	start := time.Now()
	a := do()
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
		return
	}
	if p := read[problem](t, a); p.Code != "store-unavailable" || p.Detail == "" {
		t.Errorf("without Redis: %+v", p)
	}
	if took := time.Since(start); took > 10*time.Second { // of 2 s that a request may take
		t.Errorf("a request hung for %s", took)
	}
}
