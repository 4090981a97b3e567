package chainmodel

import "testing"

// TestEveryInterleaving searches small scenarios without chance. The first ones are searched to the end; the rest as far as
// the bound goes, which varies their late choices only.
func TestEveryInterleaving(t *testing.T) {
	t.Parallel()
	complete := map[string]bool{"two takers": true, "create twice and a reader": true, "create and two readers": true}
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			limit := runs(t, 4000)
			if complete[s.Name] {
				limit = 1_000_000
			}
			found := Exhaust(standard("exhaustive"), s, limit)
			t.Logf("%d runs, complete: %v", found.Runs, found.Complete)
			if found.Bad > 0 {
				t.Errorf("%d bad runs, %v; the first by the choices %v", found.Bad, found.Found, found.First)
			}
			if complete[s.Name] && !found.Complete {
				t.Errorf("not complete after %d runs", found.Runs)
			}
		})
	}
}

// TestEveryInterleavingSeesFaults shows that the exhaustive search finds what it should.
func TestEveryInterleavingSeesFaults(t *testing.T) {
	t.Parallel()
	scenario := Scenario{Seeded: true, Copies: 1, Cast: "wwr", Losses: 1}
	for name, g := range map[string]Rule{"home first": HomeLast, "copy wins ties": HomeWinsTies} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := Exhaust(standard("control", without(g)), scenario, 60_000)
			if found.Bad == 0 {
				t.Fatalf("%d runs show nothing", found.Runs)
			}
			t.Logf("%d of %d runs are bad: %v", found.Bad, found.Runs, found.Found)
		})
	}
}
