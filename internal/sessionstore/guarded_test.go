package sessionstore

import (
	"slices"
	"strings"
	"testing"

	"orchestrator/internal/guards"
)

// The scripts hold every condition that package guards may turn off, once each: a tag that found nothing to turn off would prove nothing.
func TestGuardsFindTheirConditions(t *testing.T) {
	t.Parallel()
	all := recordSource + casOnly + commitOnly
	for _, condition := range slices.Concat(comparing, recognising) {
		if n := strings.Count(all, condition); n != 1 {
			t.Errorf("the scripts hold %q %d times, want 1", condition, n)
		}
	}
	if whole := guards.CompareStamps && guards.RecognizeOps; whole != (casSource+commitSource == recordSource+casOnly+recordSource+commitOnly) {
		t.Error("the scripts are sent as they stand if and only if no guard is off")
	}
}
