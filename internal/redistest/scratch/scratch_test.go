package scratch_test

import (
	"os"
	"testing"

	"orchestrator/internal/redistest/scratch"
)

func TestReservedPortsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 50 {
		p, err := scratch.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Release)
		if seen[p.Number] {
			t.Fatalf("port %d given twice", p.Number)
		}
		seen[p.Number] = true
	}
}

func TestARunWithoutItsLockIsDead(t *testing.T) {
	t.Parallel()
	own, err := scratch.Run()
	if err != nil {
		t.Fatal(err)
	}
	if !scratch.Alive(own) {
		t.Error("own run is held for dead")
	}
	if scratch.Alive(t.TempDir()) {
		t.Error("a directory nobody locks is held for alive")
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	scratch.End()
	os.Exit(code)
}
