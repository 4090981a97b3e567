package sessionstore

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
)

// theater is where stories are played one after the other: nodes with clients of their own, on real Redis.
type theater struct {
	clients []*redisx.Client
	raw     redis.UniversalClient
	wire    *wire
	prefix  string
	plays   atomic.Int64
}

func newTheater(tb testing.TB, r redistest.Redis, swaps map[string]string) *theater {
	tb.Helper()
	th := &theater{raw: r.Client(tb), prefix: redistest.Prefix(tb)}
	th.wire = &wire{raw: th.raw, scripts: map[string]*tampered{}}
	for _, source := range sources {
		th.load(tb, source, swaps)
	}
	for range nodes {
		c, err := redisx.Open(tb.Context(), redisx.Options{Seeds: r.Addrs(), Alone: true})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = c.Close() })
		c.Redis().AddHook(th.wire)
		th.clients = append(th.clients, c)
	}
	return th
}

// load makes a script known to every server, and beside it what it becomes when its text is tampered with.
func (th *theater) load(tb testing.TB, source string, swaps map[string]string) {
	tb.Helper()
	text := source
	for what, by := range swaps {
		text = strings.ReplaceAll(text, what, by)
	}
	loadScripts(tb, th.raw, source, text)
	if text != source {
		th.wire.scripts[redis.NewScript(source).Hash()] = &tampered{text, redis.NewScript(text).Hash()}
	}
}

var variants = []variant{
	{name: "two records", factor: 2, losses: 1},
	{name: "three records", factor: 3, losses: 1},
	{name: "two records, moved", factor: 2, losses: 1, moves: true},
	{name: "three records, moved", factor: 3, losses: 1, moves: true},
	{name: "fast", factor: 2, losses: 1, fast: true},
	{name: "fast, nothing lost", factor: 2, fast: true},
	{name: "fast, three records, moved", factor: 3, losses: 1, moves: true, fast: true},
}

// Where no number of runs is asked for each variant is searched for usualTime, and over leastRuns however long these take.
const (
	usualTime = 8 * time.Second
	leastRuns = 50
)

// The operations as built and the scripts as shipped, their commands interleaved by seed, with replies and requests lost,
// commands doubled and delayed, requests cut off anywhere, and one place set back to an earlier state.
func TestOperationsInterleaved(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			if *flagVariant != "" && *flagVariant != v.name {
				t.Skipf("-variant asks for %s", *flagVariant)
			}
			th := newTheater(t, redistest.Shared(t), nil)
			n, start := asked(t), time.Now()
			seed, least := *flagSeed, *flagSeed+uint64(n)
			if n == 0 {
				least += leastRuns
			}
			for ; seed < least || n == 0 && time.Since(start) < usualTime; seed++ {
				if broken := th.play(t, v, seed); len(broken) > 0 {
					t.Fatalf("seed %d: %s\nreplay: -run 'TestOperationsInterleaved' -variant '%s' -seed %d -runs 1 -tell", seed, strings.Join(broken, "\n"), v.name, seed)
				}
			}
			t.Logf("seeds %d to %d in %s", *flagSeed, seed-1, time.Since(start).Round(time.Millisecond))
		})
	}
}
