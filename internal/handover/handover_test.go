package handover

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

func open(t *testing.T, r redistest.Redis) (*Requests, *redisx.Client, *keyspace.Keys) {
	t.Helper()
	c, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	k, err := keyspace.New(redistest.Prefix(t), 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []session.NodeID{"a", "c"} { // who is asked has to be registered
		if err := r.Client(t).HSet(t.Context(), k.Node(node), "incarnation", incarnation).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return New(c, k, nil), c, k
}

const incarnation = "0123456789abcdef"

func request(node string) Request {
	return Request{
		Session: session.ID(uuid.Must(uuid.NewV7()).String()), From: session.Holder{Node: session.NodeID(node), Incarnation: incarnation}, Epoch: 3,
		Key: "k", To: session.Holder{Node: "b", Incarnation: "fedcba9876543210"}, Until: time.UnixMilli(1_700_000_000_123).UTC(),
	}
}

func TestRequestsAreListedUntilTheyAreDealtWith(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		q, _, _ := open(t, r)
		first, second, other := request("a"), request("a"), request("c")
		for _, r := range []Request{first, second, first, other} { // the first is asked for twice, as after a lost reply
			if err := q.Ask(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		listed, err := q.Next(t.Context(), "a", 10)
		if err != nil || len(listed) != 2 {
			t.Fatal(listed, err)
		}
		for _, got := range listed {
			if got != first && got != second {
				t.Fatalf("%+v was never asked for", got)
			}
		}
		if left, err := q.Next(t.Context(), "a", 10, first); err != nil || len(left) != 1 || left[0] != second {
			t.Fatal(left, err)
		}
		if left, err := q.Next(t.Context(), "c", 10); err != nil || len(left) != 1 || left[0] != other {
			t.Fatal(left, err)
		}
	})
}

func TestWhatIsNoRequestIsTakenOff(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		q, c, k := open(t, r)
		if err := q.Ask(t.Context(), request("a")); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"", "nonsense", "a|b|c|d|e|f|g|h", "||||||||"} {
			if _, err := c.Run(t.Context(), askScript, []string{k.Handover("a"), k.Node("a")}, incarnation, Patience.Milliseconds(), member); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if listed, err := q.Next(t.Context(), "a", 10); err != nil || len(listed) != 1 {
				t.Fatal(listed, err)
			}
		}
		if n := r.Client(t).ZCard(t.Context(), k.Handover("a")).Val(); n != 1 {
			t.Fatalf("%d members are left", n)
		}
	})
}

func TestAnOldRequestIsNotLookedAt(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		q, _, k := open(t, r)
		if err := q.Ask(t.Context(), request("a")); err != nil {
			t.Fatal(err)
		}
		client := r.Client(t)
		client.ZIncrBy(t.Context(), k.Handover("a"), -float64(Patience.Milliseconds()), request("a").text()) // another member: it never was
		for _, z := range client.ZRangeWithScores(t.Context(), k.Handover("a"), 0, -1).Val() {
			client.ZIncrBy(t.Context(), k.Handover("a"), -float64(Patience.Milliseconds()), z.Member.(string))
		}
		if listed, err := q.Next(t.Context(), "a", 10); err != nil || len(listed) != 0 {
			t.Fatal(listed, err)
		}
		if n := client.Exists(t.Context(), k.Handover("a")).Val(); n != 0 {
			t.Fatal("the old request is kept")
		}
	})
}

func TestNothingIsAskedOfAHolderThatIsGone(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		q, _, k := open(t, r)
		formerly := request("a")
		formerly.From.Incarnation = "00000000000000aa"
		for _, gone := range []Request{formerly, request("never-there")} {
			if err := q.Ask(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
			if n := r.Client(t).Exists(t.Context(), k.Handover(gone.From.Node)).Val(); n != 0 {
				t.Errorf("%s was asked", gone.From)
			}
		}
	})
}

func TestAWishStands(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		q, _, k := open(t, r)
		if wished, err := q.Wished(t.Context()); err != nil || wished {
			t.Fatal(wished, err)
		}
		if err := q.Wish(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if wished, err := q.Wished(t.Context()); err != nil || !wished {
			t.Fatal(wished, err)
		}
		if ttl := r.Client(t).PTTL(t.Context(), k.Rebalance()).Val(); ttl <= 0 || ttl > WishKept {
			t.Fatal(ttl)
		}
	})
}
