package chainmodel

import (
	"fmt"
	"io"
	"testing"
)

// TestReplay plays one seed of one variant or control, step by step with -steps.
func TestReplay(t *testing.T) {
	if *flagVariant == "" {
		t.Skip("needs -variant, and takes -seed and -steps")
	}
	var log io.Writer
	if *flagSteps {
		log = t.Output()
	}
	t.Logf("variant %s, seed %d: %v", *flagVariant, *flagSeed, replay(t, log))
}

// howToSee is the command that shows a run step by step.
func howToSee(variant string, seed uint64) string {
	return fmt.Sprintf("to see it: go test ./internal/chainmodel -run TestReplay -v -variant %s -seed %d -steps", variant, seed)
}

func replay(t *testing.T, log io.Writer) []Violation {
	t.Helper()
	for _, r := range everyRules() {
		if r.Name == *flagVariant {
			return Run(r, ShapeOf(r, *flagSeed), log).Violations()
		}
	}
	for _, r := range everyLedger() {
		if r.Name == *flagVariant {
			return RunLedger(r, *flagSeed, log)
		}
	}
	t.Fatalf("no variant or control is called %q", *flagVariant)
	return nil
}

func everyRules() []Rules {
	all := Variants()
	for _, c := range Controls() {
		all = append(all, c.Rules)
	}
	return all
}

func everyLedger() []LedgerRules {
	all := []LedgerRules{LedgerStandard()}
	for _, c := range LedgerControls() {
		all = append(all, c.LedgerRules)
	}
	return all
}
