package fleet

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// slowStore takes a second for each change, and remembers what it was to publish.
type slowStore struct {
	Store
	mu     sync.Mutex
	groups map[session.ID][]string // what kinds the messages of each group have
}

func (*slowStore) NewOp() session.OpID { return session.NewOpID(time.Now()) }

var errOdd = errors.New("it is odd")

func (s *slowStore) Publish(_ context.Context, id session.ID, _ session.OpID, all ...*sessionstore.Publishing) {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds := ""
	for _, p := range all {
		kinds += p.Messages[0].Kind
		p.Made = []session.Message{{Kind: p.Messages[0].Kind}}
		if p.Messages[0].Kind == "x" {
			p.Made, p.Err = nil, errOdd
		}
	}
	s.groups[id] = append(s.groups[id], kinds)
}

// What comes for one session while others' messages are added goes together, in the order of its coming, and each is told its own outcome; other
// sessions do not wait for it.
func TestPublicationsThatComeAtOnceGoTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{groups: map[session.ID][]string{}}
		s := &Service{Config: Config{Store: store}}
		s.publishes = newPublishes(s)
		var callers sync.WaitGroup
		publish := func(id session.ID, kind string, messages, size int) {
			callers.Go(func() {
				p := session.Publication{Messages: slices.Repeat([]session.MessageDraft{{Kind: kind, Data: make([]byte, size)}}, messages)}
				made, err := s.Publish(t.Context(), id, p)
				if kind == "x" && !errors.Is(err, errOdd) || kind != "x" && (err != nil || len(made) != 1 || made[0].Kind != kind) {
					t.Errorf("%s was told %v %v", kind, made, err)
				}
			})
			synctest.Wait()
		}
		publish("one", "a", 1, 1)
		publish("two", "a", 1, 1)
		for range publishCount {
			publish("one", "b", 1, 1)
		}
		publish("one", "x", 50, 1)
		publish("one", "c", 50, 1)
		publish("one", "d", 1, publishMost-publishMost/publishCount)
		publish("one", "x", 1, 1)
		publish("one", "e", 1, 1)
		callers.Wait()
		want := []string{"a", strings.Repeat("b", publishCount), "xc", "dx", "e"}
		if got := store.groups["one"]; !slices.Equal(got, want) || len(store.groups["two"]) != 1 {
			t.Errorf("published %q, want %q; %q", got, want, store.groups["two"])
		}
	})
}

// BenchmarkPublishers has 16 callers publish to one session through one node, each as soon as it was told of the one before. One that was told
// that the outcome is not known any more, for 32 others came between, asks again, as a client does.
func BenchmarkPublishers(b *testing.B) {
	r := redistest.Shared(b)
	m := join(b, r, redistest.Prefix(b), "a", settings{idle: true})
	for name, publish := range map[string]func(session.ID, session.Publication) error{
		"each by itself": func(id session.ID, p session.Publication) error {
			one := &sessionstore.Publishing{Publication: p}
			m.store.Publish(b.Context(), id, m.store.NewOp(), one)
			return one.Err
		},
		"together": func(id session.ID, p session.Publication) error {
			_, err := m.Publish(b.Context(), id, p)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var n, unknown atomic.Int64
			id := m.make(b, 1)[0].ID
			b.SetParallelism(8) // times two cores
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p := session.Publication{Messages: []session.MessageDraft{{Kind: "k", Data: []byte(`"x"`)}}}
					p.Idempotency = session.Idempotency{Key: strconv.FormatInt(n.Add(1), 10)}
					err := publish(id, p)
					for ; errors.Is(err, session.ErrUnknownOutcome); err = publish(id, p) {
						unknown.Add(1)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(unknown.Load())/float64(b.N), "unknown/op")
		})
	}
}
