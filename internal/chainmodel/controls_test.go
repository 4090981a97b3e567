package chainmodel

import "testing"

// TestControls removes one guard at a time: the search must find what each prevents, or it would find nothing at all.
func TestControls(t *testing.T) {
	t.Parallel()
	for _, c := range Controls() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			chosen(t, c.Name)
			seed, ok := Hunt(c.Rules, c.Seed, c.Runs, c.Expect)
			if !ok {
				t.Fatalf("seeds %d to %d never show %q", c.Seed, c.Seed+uint64(c.Runs)-1, c.Expect)
			}
			t.Logf("seed %d shows %q", seed, c.Expect)
		})
	}
}
