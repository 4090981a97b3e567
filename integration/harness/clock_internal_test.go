package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// probe tells what its clocks say of a pause.
const probe = `package main

import (
	"fmt"
	"time"
)

func main() {
	began := time.Now()
	time.Sleep(500 * time.Millisecond)
	fmt.Println(began.Unix(), time.Since(began).Milliseconds(), time.Until(began.Add(time.Hour)).Milliseconds())
}
`

func TestASkewedProgramsClocksAreWrongAsTold(t *testing.T) {
	t.Parallel()
	overlay, err := overlaid()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "probe")
	if err := os.WriteFile(source, []byte(probe), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), Clock{Ahead: -time.Hour, Rate: 200}.Env()...)
	started := time.Now().Unix()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var wall, since, until int64
	if _, err := fmt.Sscan(string(out), &wall, &since, &until); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	// A busy machine makes the pause longer, never shorter.
	if behind := started - wall; behind > 3600 || behind < 3600-60 || since < 1000 || until > 3_600_000-since {
		t.Errorf("an hour behind and twice as fast: %d s behind, a pause of 500 ms took %d ms, an hour from its start is %d ms ahead", behind, since, until)
	}
}
