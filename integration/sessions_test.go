package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"orchestrator/internal/redistest"
)

// A session made at one node is read, changed, moved and deleted at the others.
func TestASessionThroughAnyNode(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3)
		made := call(t, "POST", f.url(0)+"/v1/sessions", draft("one")).want(t, 201)
		s := read[session](t, made)
		at := func(i int) string { return f.url(i) + "/v1/sessions/" + s.ID }
		if s.Epoch != 1 || s.Copies != min(2, r.Masters())-1 || made.header.Get("Location") != "/v1/sessions/"+s.ID {
			t.Fatalf("made %+v, Location %q", s, made.header.Get("Location"))
		}
		for i := range 3 {
			for _, query := range []string{"", "?consistency=eventual"} {
				got := call(t, "GET", at(i)+query, nil).want(t, 200)
				if got.header.Get("ETag") != made.header.Get("ETag") || got.header.Get("X-Orchestrator-Node") != f.nodes[i].Name() {
					t.Fatalf("node %d answers ETag %q as %q", i, got.header.Get("ETag"), got.header.Get("X-Orchestrator-Node"))
				}
			}
		}
		tag := made.header.Get("ETag")
		patched := call(t, "PATCH", at(1), `{"status":"idle","labels":{"tier":null,"x":"y"}}`, "If-Match", tag).want(t, 200)
		if got := read[session](t, patched); got.Status != "idle" || got.Version != 1 || fmt.Sprint(got.Labels) != "map[x:y]" {
			t.Fatalf("patched %+v", got)
		}
		if p := read[problem](t, call(t, "PATCH", at(2), `{"status":"active"}`, "If-Match", tag).want(t, 412)); p.Code != "version-mismatch" {
			t.Fatalf("%+v", p)
		}
		moved := read[session](t, call(t, "POST", at(2)+"/migrate", nil).want(t, 200))
		if moved.Owner == s.Owner || moved.Epoch != 2 {
			t.Fatalf("moved %+v from %s", moved, s.Owner)
		}
		for i := range 3 {
			if p := read[problem](t, call(t, "PATCH", at(i), `{"status":"active"}`, "Session-Epoch", "1").want(t, 409)); p.Code != "stale-epoch" || p.CurrentEpoch != 2 {
				t.Fatalf("%+v", p)
			}
		}
		call(t, "PATCH", at(0), `{"status":"completed"}`, "Session-Epoch", "2").want(t, 200)
		call(t, "DELETE", at(1), nil).want(t, 204)
		for i := range 3 {
			call(t, "GET", at(i), nil).want(t, 404)
			call(t, "DELETE", at(i), nil).want(t, 404)
		}
		eventually(t, 30*time.Second, func() string {
			for node, n := range counts(t, f.url(0)) {
				if n != 0 {
					return fmt.Sprintf("%s counts %d sessions", node, n)
				}
			}
			return ""
		})
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3)
		ids, statuses := make([]string, 12), make([]int, 12)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				a := call(t, "POST", f.url(i)+"/v1/sessions", draft("same"), "Idempotency-Key", "key-1")
				ids[i], statuses[i] = read[session](t, a).ID, a.status
			})
		}
		wg.Wait()
		for i := range ids {
			if ids[i] == "" || ids[i] != ids[0] || statuses[i] != 200 && statuses[i] != 201 {
				t.Fatalf("one key made %v, answered %v", ids, statuses)
			}
		}
		if all := listAll(t, f.url(1), ""); len(all) != 1 {
			t.Fatalf("one key made %d sessions", len(all))
		}
		if p := read[problem](t, call(t, "POST", f.url(2)+"/v1/sessions", draft("other"), "Idempotency-Key", "key-1").want(t, 422)); p.Code != "idempotency-mismatch" {
			t.Fatalf("%+v", p)
		}
	})
}

// 400 creates at once on 3 nodes of 100 sessions each: exactly 300 are made.
func TestCapacityIsNeverExceeded(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 3, "--max-sessions", "100")
		var mu sync.Mutex
		made, refused := 0, 0
		var wg sync.WaitGroup
		for i := range 400 {
			wg.Go(func() {
				a := call(t, "POST", f.url(i)+"/v1/sessions", draft(fmt.Sprint("s", i)))
				mu.Lock()
				defer mu.Unlock()
				switch a.status {
				case 201:
					made++
				case 503:
					p := read[problem](t, a)
					if p.Code != "no-capacity" || p.Used == nil || *p.Used != 300 || p.Limit == nil || *p.Limit != 300 || a.header.Get("Retry-After") == "" {
						t.Errorf("refused with %s", a.body)
					}
					refused++
				default:
					t.Errorf("answered %d: %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		if made != 300 || refused != 100 {
			t.Fatalf("%d made, %d refused", made, refused)
		}
		for node, n := range counts(t, f.url(0)) {
			if n != 100 {
				t.Errorf("%s counts %d", node, n)
			}
		}
	})
}

func TestTimeToLive(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2)
		short := draft("short")
		short["ttl"] = "5s"
		s := read[session](t, call(t, "POST", f.url(0)+"/v1/sessions", short).want(t, 201))
		call(t, "GET", f.url(1)+"/v1/sessions/"+s.ID, nil).want(t, 200)
		kept := read[session](t, call(t, "POST", f.url(0)+"/v1/sessions", draft("kept")).want(t, 201))
		if s.ExpiresAt == nil || kept.ExpiresAt != nil {
			t.Fatalf("%+v %+v", s, kept)
		}
		eventually(t, 20*time.Second, func() string {
			if all := listAll(t, f.url(0), ""); len(all) != 1 {
				return fmt.Sprintf("%d sessions are listed", len(all))
			}
			n := 0
			for _, c := range counts(t, f.url(0)) {
				n += c
			}
			if n != 1 {
				return fmt.Sprintf("%d sessions are counted", n)
			}
			return ""
		})
		call(t, "GET", f.url(1)+"/v1/sessions/"+s.ID, nil).want(t, 404)
		call(t, "GET", f.url(1)+"/v1/sessions/"+kept.ID, nil).want(t, 200)
	})
}

func TestCordon(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		f := startFleet(t, r, 2)
		call(t, "POST", f.url(0)+"/v1/nodes/node-2/cordon", nil).want(t, 200)
		for i := range 10 {
			if s := read[session](t, call(t, "POST", f.url(i)+"/v1/sessions", draft(fmt.Sprint("s", i))).want(t, 201)); s.Owner != "node-1" {
				t.Fatalf("a cordoned node was given %+v", s)
			}
		}
		call(t, "POST", f.url(1)+"/v1/nodes/node-2/uncordon", nil).want(t, 200)
		for i := range 10 {
			call(t, "POST", f.url(i)+"/v1/sessions", draft(fmt.Sprint("u", i))).want(t, 201)
		}
		if c := counts(t, f.url(0)); c["node-1"] != 10 || c["node-2"] != 10 {
			t.Fatalf("counts %v", c)
		}
		a := read[struct{ Assignments []struct{ ID string } }](t, call(t, "GET", f.url(0)+"/v1/nodes/node-2/assignments", nil).want(t, 200))
		if len(a.Assignments) != 10 {
			t.Fatalf("%d assignments", len(a.Assignments))
		}
		if !strings.Contains(string(call(t, "GET", f.url(0)+"/metrics", nil).want(t, 200).body), "orchestrator_sessions_held") {
			t.Fatal("metrics lack orchestrator_sessions_held")
		}
	})
}
