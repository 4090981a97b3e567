package registry

import (
	"testing"
	"time"
)

// TestABeatUnderWayBringsNobodyBack sends what a node had sent before it left, as a slow connection would.
func TestABeatUnderWayBringsNobodyBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx := t.Context()
		watch, r := f.joined("w", timeout(time.Minute)), f.joined("a", timeout(time.Minute))
		self := r.Self()
		if err := r.Leave(ctx, 0); err != nil {
			t.Fatal(err)
		}
		for _, late := range []struct{ source, want string }{{beatSource, "lost"}, {registerSource, "dead"}} {
			reply, err := f.redis.Redis().Eval(ctx, late.source, r.ownKeys(self.Holder), r.ownArgs(self)...).Slice()
			if err != nil || len(reply) != 1 || reply[0] != late.want {
				t.Errorf("got %v, %v, want %s", reply, err, late.want)
			}
		}
		if view, err := watch.Refresh(ctx); err != nil || len(view.Nodes()) != 1 {
			t.Errorf("registered: %v, %v", view.Nodes(), err)
		}
		again := f.joined("a", timeout(time.Minute))
		if n := mustNode(t, watch, "a"); n.Incarnation != again.Self().Incarnation {
			t.Errorf("a node of that name cannot join: %+v", n)
		}
	})
}

// TestANodeThatLeavesTakesItsRequestsAlong has somebody ask it for sessions before; what is asked after finds it gone (package handover).
func TestANodeThatLeavesTakesItsRequestsAlong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, rdb := t.Context(), f.redis.Redis()
		for owned := range 2 { // it leaves clean, or is declared dead
			r := f.joined("a", timeout(time.Minute))
			rdb.ZAdd(ctx, f.keys.Handover("a"), z("request", 1))
			if err := r.Leave(ctx, owned); err != nil {
				t.Fatal(err)
			}
			if rdb.Exists(ctx, f.keys.Handover("a"), f.keys.Node("a")).Val() != 0 {
				t.Errorf("with %d sessions: something is left", owned)
			}
		}
	})
}

// TestACountGoesWithItsNodeOnceNothingIsUnderWay has sessions leave a node while its recovery ends.
func TestACountGoesWithItsNodeOnceNothingIsUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		ctx, k, rdb := t.Context(), f.keys, f.redis.Redis()
		watch := f.joined("w", timeout(time.Minute))
		for _, underWay := range []bool{false, true} {
			r := f.joined("a", timeout(time.Minute))
			rdb.ZIncrBy(ctx, k.Load(), 2, "a")
			rdb.HSet(ctx, k.Moves(), "a", 4711)
			if underWay {
				rdb.ZAdd(ctx, k.Reserved("a"), z("try", 1))
			}
			if err := r.Leave(ctx, 0); err != nil {
				t.Fatal(err)
			}
			recoverAll(t, watch, r.Self().Holder)
			counted := rdb.ZScore(ctx, k.Load(), "a").Err() == nil
			if moves := rdb.HExists(ctx, k.Moves(), "a").Val(); counted != underWay || moves != underWay {
				t.Errorf("under way %v: counted %v, moves %v", underWay, counted, moves)
			}
		}
	})
}

func TestANodeWithAttemptsUnderWayDoesNotLeaveClean(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		watch, r := f.joined("w", timeout(time.Minute)), f.joined("a", timeout(time.Minute))
		f.redis.Redis().ZAdd(t.Context(), f.keys.Reserved("a"), z("try", 1))
		if err := r.Leave(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if dead, err := watch.Dead(t.Context(), 0); err != nil || len(dead) != 1 || dead[0] != r.Self().Holder {
			t.Errorf("dead: %v, %v", dead, err)
		}
	})
}
