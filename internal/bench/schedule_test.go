package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestARateIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(Load{Mix: Only(Read), Duration: time.Second, Rate: 100})
		began := time.Now()
		for n := range 100 {
			at, ok := s.turn(t.Context())
			if due := began.Add(time.Duration(n) * 10 * time.Millisecond); !ok || !at.Equal(due) || !at.Equal(time.Now()) {
				t.Fatalf("request %d began %s late, %v", n, at.Sub(due), ok)
			}
		}
		if _, ok := s.turn(t.Context()); ok {
			t.Error("a load of a second has a request after it")
		}
	})
}

func TestALateRequestsTimeBeganWhenItWasDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(Load{Mix: Only(Read), Requests: 3, Rate: 10})
		began := time.Now()
		s.turn(t.Context())
		<-time.After(250 * time.Millisecond) // the only caller waits for its answer
		for _, due := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond} {
			if at, ok := s.turn(t.Context()); !ok || at.Sub(began) != due || time.Since(began) != 250*time.Millisecond {
				t.Errorf("due at %s, begun at %s", due, at.Sub(began))
			}
		}
		if _, ok := s.turn(t.Context()); ok {
			t.Error("a fourth of three requests")
		}
	})
}

func TestALoadWithoutARateIsNeverLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(Load{Mix: Only(Read), Duration: time.Second})
		<-time.After(time.Second - time.Nanosecond)
		if at, ok := s.turn(t.Context()); !ok || !at.Equal(time.Now()) {
			t.Errorf("begun at %s, %v", at, ok)
		}
		<-time.After(time.Nanosecond)
		if _, ok := s.turn(t.Context()); ok {
			t.Error("a load of a second has a request after it")
		}
	})
}

func TestNobodyWaitsForARequestOfALoadThatIsToldToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := newSchedule(Load{Mix: Only(Read), Requests: 2, Rate: 0.001})
		s.turn(ctx)
		began := time.Now()
		if _, ok := s.turn(ctx); ok || time.Since(began) != time.Second {
			t.Errorf("waited %s, %v", time.Since(began), ok)
		}
	})
}
