package registry

import (
	"testing"
	"time"
)

func TestTrustSaysWhenItEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fleet) {
		r := f.node("a", timeout(time.Second))
		if !r.TrustedUntil().IsZero() {
			t.Error("a node that has not joined trusts itself until some time")
		}
		before := time.Now()
		if err := r.join(t.Context()); err != nil {
			t.Fatal(err)
		}
		until := r.TrustedUntil()
		if until.Before(before.Add(r.trustLimit())) || until.After(time.Now().Add(r.trustLimit())) {
			t.Errorf("trust ends in %s", time.Until(until))
		}
		if err := r.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		renewed := r.TrustedUntil()
		if !renewed.After(until) {
			t.Error("a beat did not renew it")
		}
		eventually(t, "trust ends", func() bool { return !r.Trusted() })
		if time.Now().Before(renewed) || !r.TrustedUntil().IsZero() {
			t.Errorf("it ended before %s, or is said to last until %s", renewed, r.TrustedUntil())
		}
	})
}
