package keyspace

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

var (
	flagUpdate = flag.Bool("update", false, "write the golden table of tags anew")
	flagSeed   = flag.Uint64("seed", 0, "seed of the random keys; default: a new one, which is printed")
)

func TestMain(m *testing.M) { redistest.Main(m) }

// The tags of the default number of partitions: a fleet's keys are found by them, so they may never change.
func TestGoldenTags(t *testing.T) {
	t.Parallel()
	k, err := New("orch", 256)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for p := range k.Partitions() {
		fmt.Fprintf(&got, "%s %d", k.HomeTag(p), k.HomeSlot(p))
		for tag := 1; tag <= CopyTags; tag++ {
			fmt.Fprintf(&got, " %s %d", k.CopyTag(p, tag), k.CopySlot(p, tag))
		}
		got.WriteByte('\n')
	}
	const file = "testdata/tags.golden"
	if *flagUpdate {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("the tags differ from %s", file)
	}
}

// The slots of some keys, as the cluster specification and a server compute them.
func TestGoldenSlots(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{
		"123456789": 12739, "": 0, "foo": 12182, "{user1000}.following": 3443, "{user1000}.followers": 3443,
		"foo{}{bar}": 8363, "foo{{bar}}zap": 4015, "foo{bar}{zap}": 5061, "orch:{fleet}:nodes": 14574,
	} {
		if got := Slot(key); got != want {
			t.Errorf("%q lies at %d, want %d", key, got, want)
		}
	}
}

// A server agrees about any key.
func TestSlotsAsRedisComputesThem(t *testing.T) {
	t.Parallel()
	seed := *flagSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	d := rand.New(rand.NewPCG(seed, 1))
	keys := make([]string, 2000)
	for i := range keys {
		keys[i] = randomKey(d)
	}
	c := redistest.Shared(t).Client(t)
	cmds := make([]*redis.IntCmd, len(keys))
	for i, key := range keys {
		cmds[i] = c.ClusterKeySlot(t.Context(), key)
	}
	for i, key := range keys {
		if got, err := cmds[i].Result(); err != nil || int(got) != Slot(key) {
			t.Fatalf("%q lies at %d for Redis (%v), at %d for us", key, got, err, Slot(key))
		}
	}
}

// randomKey draws bytes among which braces are frequent.
func randomKey(d *rand.Rand) string {
	b := make([]byte, d.IntN(30))
	for i := range b {
		switch d.IntN(6) {
		case 0:
			b[i] = '{'
		case 1:
			b[i] = '}'
		default:
			b[i] = byte(d.IntN(256))
		}
	}
	return string(b)
}

// together names keys that one script call touches, of one session, one partition, or the fleet.
func together(k *Keys, id session.ID, node, other session.NodeID, tag int) map[string][]string {
	p := k.Partition(id)
	return map[string][]string{
		"a session's home": {k.Session(id), k.Lease(id), k.Owned(p, node), k.Owned(p, other), k.Owners(p), k.Index(p), k.Expiry(p), k.Tombstones(p), k.Events(p)},
		"a session's copy": {k.Copy(id, tag), k.Copies(p, tag)},
		"home's claims":    {k.Idempotency(p, "0123"), k.Index(p)},
		"copied claims":    {k.IdempotencyCopy(p, tag, "0123"), k.Copies(p, tag)},
		"the fleet": {k.Meta(), k.Nodes(), k.Node(node), k.Node(other), k.Incarnations(), k.Dead(), k.Load(), k.FleetEvents(), k.Reservations(),
			k.Reserved(node), k.Moves(), k.Turn(), k.Recovery(session.Holder{Node: node, Incarnation: "00"})},
	}
}

func TestKeysOfOneCallShareASlot(t *testing.T) {
	t.Parallel()
	d := rand.New(rand.NewPCG(7, 7))
	for _, partitions := range []int{1, 2, 256, 4096} {
		k, err := New("a:b.c-d_e", partitions)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			id := session.NewID(time.UnixMilli(d.Int64N(1<<40))).InPartition(d.IntN(partitions), partitions)
			tag := 1 + d.IntN(CopyTags)
			calls := together(k, id, "node-1", "Other.Node_2", tag)
			for call, keys := range calls {
				for _, key := range keys {
					if Slot(key) != Slot(keys[0]) {
						t.Fatalf("%s: %s and %s lie at %d and %d", call, keys[0], key, Slot(keys[0]), Slot(key))
					}
					if !strings.HasPrefix(key, "a:b.c-d_e:{") {
						t.Fatalf("%s: %s lacks the prefix", call, key)
					}
				}
			}
			p := k.Partition(id)
			if Slot(k.Session(id)) != k.HomeSlot(p) || Slot(k.Copy(id, tag)) != k.CopySlot(p, tag) {
				t.Fatalf("%s lies elsewhere than its partition's tags say", id)
			}
			if k.HomeSlot(p) == k.CopySlot(p, tag) {
				t.Fatalf("home and copy %d of partition %d share slot %d", tag, p, k.HomeSlot(p))
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefix     string
		partitions int
		field      string
	}{
		{"", 256, "prefix"}, {strings.Repeat("x", 33), 256, "prefix"}, {"a{b", 256, "prefix"}, {"a b", 256, "prefix"}, {"ä", 256, "prefix"},
		{"orch", 0, "partitions"}, {"orch", -4, "partitions"}, {"orch", 3, "partitions"}, {"orch", 8192, "partitions"},
	} {
		_, err := New(c.prefix, c.partitions)
		if invalid, ok := err.(*session.InvalidError); !ok || invalid.Field != c.field {
			t.Errorf("prefix %q, %d partitions: %v", c.prefix, c.partitions, err)
		}
	}
}
