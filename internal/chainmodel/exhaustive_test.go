package chainmodel

import "testing"

// TestEveryInterleaving searches small scenarios without chance. Two are searched to the end; the rest as far as the bound
// goes, which varies their late choices only. With -runs 300000 a third completes, "create twice and a reader".
func TestEveryInterleaving(t *testing.T) {
	t.Parallel()
	complete := map[string]bool{"two takers": slowdown == 1, "create and two readers": true}
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			limit := runs(t, 2000)
			if complete[s.Name] {
				limit = max(limit, 50_000)
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
	for _, c := range []struct {
		name  string
		guard Rule
		limit int
	}{
		{"the copy's script compares nothing", CompareOnCopy, 4000},
		{"home's script compares nothing", CompareOnHome, 8000},
		{"the copy wins ties", HomeWinsTies, 16_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := Exhaust(standard("control", without(c.guard)), scenario, c.limit)
			if found.Bad == 0 {
				t.Fatalf("%d runs show nothing", found.Runs)
			}
			t.Logf("%d of %d runs are bad: %v", found.Bad, found.Runs, found.Found)
		})
	}
}
