package registry

import (
	"testing"
	"time"
)

// A Redis that was rolled back has forgotten beats that it had acknowledged: nobody is declared dead by it before all could beat again.
func TestARedisThatWasRolledBackIsNoJudge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 5)
		c.end(time.Second, 1)
		c.end(-brakeWindow/2, 0) // what was known of the judge before its last beat
		mustDead(t, c.nodes[0])
		before := c.nodes[0].trusts().since
		if err := c.nodes[0].beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if since := c.nodes[0].trusts().since; !since.After(before) || c.nodes[0].Steady() == 0 {
			t.Errorf("after it met the rollback it is steady since %s, as before", since)
		}
		if !c.nodes[0].Trusted() || f.log.count("redis has forgotten beats") != 1 {
			t.Errorf("it does not trust itself, or nobody is told:\n%s", f.log)
		}
		was := c.nodes[0].trusts().since
		if err := c.nodes[0].beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !c.nodes[0].trusts().since.Equal(was) {
			t.Error("the next beat took it for rolled back again")
		}
		mustDead(t, c.nodes[0], c.holder(1))
	})
}

// A beat in whose answer the rollback stands may be carried out, and the look for the dead after it, before the node has that answer, or
// the answer may be lost.
func TestABeatWithoutItsAnswerIsNoGroundToJudge(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		c := gather(f, 5)
		judge := c.nodes[0]
		mustBeat := func() {
			t.Helper()
			if err := judge.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.end(time.Second, 1)
		f.redis.Redis().ZIncrBy(t.Context(), f.keys.Nodes(), 7, string(judge.Self().Node)) // as that beat would
		mustDead(t, judge)
		was := judge.trusts().since
		mustBeat()
		if since := judge.trusts().since; !since.After(was) {
			t.Errorf("after a beat whose answer it never had it is steady since %s, as before", since)
		}
		if !judge.Trusted() || f.log.count("redis has forgotten beats") != 0 {
			t.Errorf("it does not trust itself, or tells what it does not know:\n%s", f.log)
		}
		if dead, err := judge.Dead(t.Context(), time.Hour); err != nil || len(dead) != 0 {
			t.Errorf("it was not steady for so long, and holds %v for dead, %v", dead, err)
		}
		mustDead(t, judge, c.holder(1))
		if dead, err := judge.Dead(t.Context(), time.Hour); err != nil || len(dead) != 1 {
			t.Errorf("who has been declared dead is not listed: %v, %v", dead, err)
		}
	})
}
