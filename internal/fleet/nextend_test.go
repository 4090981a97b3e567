package fleet

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/registry"
)

// The next end is that of a node that has stopped beating, told while it is ahead and no longer; a node that is alone waits for nobody.
func TestTheNextEndIsThatOfWhoStoppedBeating(t *testing.T) {
	t.Parallel()
	r := redistest.Shared(t)
	prefix := redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true})
	look := func() registry.View {
		v, err := a.registry.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if in, ok := nextEnd(look(), "a"); ok {
		t.Fatalf("a node alone waits %s for somebody's end", in)
	}
	// c is b as it was when it beat last.
	b := join(t, r, prefix, "b", settings{idle: true})
	rdb := a.client.Redis()
	if err := rdb.HSet(t.Context(), a.keys.Node("c"), rdb.HGetAll(t.Context(), a.keys.Node("b")).Val()).Err(); err != nil {
		t.Fatal(err)
	}
	ends := look().Time().Add(testHeartbeat / 4)
	if err := rdb.ZAdd(t.Context(), a.keys.Nodes(), redis.Z{Member: "c", Score: float64(ends.UnixMilli())}).Err(); err != nil {
		t.Fatal(err)
	}
	before, ok := nextEnd(look(), b.Members.Self().Node)
	if !ok || before <= 0 || before > testHeartbeat/4+endMargin {
		t.Fatalf("%v: the next end is %s ahead", ok, before)
	}
	await(t, func() string {
		v := look()
		switch in, ok := nextEnd(v, "a"); {
		case !ok:
			return "b beats on"
		case in < testHeartbeat/4:
			return "c is the next one still, though it is over since " + v.Time().Sub(ends).String()
		}
		return ""
	})
}
