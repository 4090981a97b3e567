package bench

import (
	"os"
	"testing"
	"time"
)

func TestWhatProcSaysOfThisProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	before, err := processTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for n, deadline := 0, time.Now().Add(time.Minute); ; n++ { // works until it has had a tick more
		now, err := processTime(os.Getpid())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%s at first, %s after %d looks, %v", before, now, n, err)
		}
		if now > before {
			break
		}
	}
	if bytes, err := resident(os.Getpid()); err != nil || bytes < 1<<20 || bytes > 1<<40 {
		t.Errorf("%d bytes, %v", bytes, err)
	}
	if _, err := processTime(-1); err == nil {
		t.Error("a process that is not there has had time")
	}
}

func TestAFieldIsFoundAtTheBeginningOfALine(t *testing.T) {
	t.Parallel()
	const text = "# CPU\r\nnot_used_cpu_sys:1\r\nused_cpu_sys:2.5\r\nused_cpu_sys_children:3\r\n"
	if got := field(text, "used_cpu_sys:"); got != "2.5" {
		t.Errorf("%q", got)
	}
	if got := field(text, "used_memory:"); got != "" {
		t.Errorf("%q", got)
	}
}
