package child_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"orchestrator/internal/redistest/child"
)

// parentMode makes this test binary, started again by a test, the parent that dies.
const parentMode = "CHILD_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentMode) != "" {
		beParent()
	}
	os.Exit(m.Run())
}

// beParent starts a process, says its number and hangs until it is killed.
func beParent() {
	c, err := child.Start(exec.Command("sleep", "60"))
	if err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(c.PID()) + "\n")
	<-c.Exited()
}

func TestKillEndsTheProcess(t *testing.T) {
	t.Parallel()
	c, err := child.Start(exec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Running() {
		t.Error("not running after its start")
	}
	if err := c.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Running() || c.Err() == nil {
		t.Errorf("after the kill: running %v, err %v", c.Running(), c.Err())
	}
}

func TestProcessDiesWithItsParent(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentMode+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	parent, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(line[:len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); !child.Ended(pid); {
		if time.Now().After(end) {
			t.Fatalf("process %d outlives its parent", pid)
		}
		<-time.After(5 * time.Millisecond)
	}
}
