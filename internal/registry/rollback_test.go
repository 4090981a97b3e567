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
		time.Sleep(20 * time.Millisecond)
		if err := c.nodes[0].beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := c.nodes[0].Steady(); d == 0 || d >= 20*time.Millisecond {
			t.Errorf("after it met the rollback it is steady for %s", d)
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
		mustDead(t, c.nodes[0], c.holder(1)) // whether it is steady for long enough is for the caller to look at
	})
}
