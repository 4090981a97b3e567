package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// printed is a writer that tells when a text has been written to it.
type printed struct {
	w    *io.PipeWriter
	seen chan string // what was written up to the text, once
	done chan string // all that was written
}

func watch(text string) *printed {
	r, w := io.Pipe()
	p := &printed{w, make(chan string, 1), make(chan string, 1)}
	go func() {
		var all strings.Builder
		for lines := bufio.NewScanner(r); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), text) {
				p.seen <- all.String()
				text = "\x00"
			}
		}
		p.done <- all.String()
	}()
	return p
}

// startDev runs `dev` with more flags until end, which returns the exit code and all that was printed.
func startDev(t *testing.T, flags ...string) (greeting string, end func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, code := watch("Ctrl-C ends it"), make(chan int, 1)
	var stderr bytes.Buffer
	began := time.Now()
	go func() {
		code <- run(ctx, append([]string{"dev", "--port=0"}, flags...), strings.NewReader(""), out.w, &stderr, os.Environ())
		_ = out.w.Close()
	}()
	select {
	case greeting = <-out.seen:
	case c := <-code:
		cancel()
		t.Fatalf("dev ended with %d: %s", c, &stderr)
	}
	t.Logf("dev greeted after %s", time.Since(began))
	return greeting, func() (int, string) {
		cancel()
		return await(t, "dev ends", code), await(t, "the output ends", out.done)
	}
}

func TestDevServesWhatItPrints(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the lines to try need %s, which is not installed", tool)
		}
	}
	greeting, end := startDev(t)
	lines := regexp.MustCompile(`(?m)^  (ID=.*|curl .*)$`).FindAllStringSubmatch(greeting, -1)
	if len(lines) != 3 || strings.Count(greeting, "http://127.0.0.1:") < 6 {
		t.Fatalf("the greeting has no three lines to try:\n%s", greeting)
	}
	script := lines[0][1] + "\n" + lines[1][1] + "\n" + lines[2][1] + "\n"
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	id := strings.TrimSpace(strings.SplitN(string(out), "\n", 2)[0])
	for _, want := range []string{`{"id":"` + id + `","type":"agent"`, `"status":"active"`, `"status":"idle"`, "\n204\n"} {
		if id == "" || !strings.Contains(string(out), want) {
			t.Errorf("the three lines led to:\n%s\nwithout %s", out, want)
		}
	}
	for _, node := range regexp.MustCompile(`(?m)^  node-\d +(http://\S+)$`).FindAllStringSubmatch(greeting, -1) {
		out, err := exec.CommandContext(t.Context(), "curl", "-sL", "-H", "Accept: text/html", node[1]).Output()
		if err != nil || strings.Count(string(out), `<b class="ready">ready</b>`) != 3 || !strings.Contains(string(out), "node.joined") {
			t.Errorf("a browser sees at %s: %v %s", node[1], err, out)
		}
		out, err = exec.CommandContext(t.Context(), "curl", "-s", node[1]+"/dashboard/sessions/"+id).Output()
		if err != nil || !strings.Contains(string(out), "no session has this id, or it was deleted") {
			t.Errorf("of a session that was deleted: %v %s", err, out)
		}
	}
	code, all := end()
	if code != exitOK || !strings.Contains(all, "Nothing survives") || !strings.HasSuffix(all, "nothing was kept.\n") {
		t.Errorf("code %d:\n%s", code, all)
	}
}

func TestDevOfOneNode(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=1")
	if !strings.Contains(greeting, "node-1") || strings.Contains(greeting, "node-2") {
		t.Errorf("it greets: %s", greeting)
	}
	if code, _ := end(); code != exitOK {
		t.Errorf("code %d", code)
	}
}

func TestDevEndsGracefullyAtASignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "dev", "--port=0", "--nodes=2")
		cmd.Env = append(os.Environ(), asProcess+"=program")
		out := watch("Ctrl-C ends it")
		cmd.Stdout = out.w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "the greeting", out.seen)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		_ = out.w.Close()
		if all := await(t, "the output ends", out.done); err != nil || !strings.HasSuffix(all, "nothing was kept.\n") {
			t.Errorf("%v: ended with %v after:\n%s", sig, err, all)
		}
	}
}

func TestTheEmbeddedServersKeysGrowOld(t *testing.T) {
	t.Parallel()
	e, err := startEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	if err := e.server.Set("k", "v"); err != nil {
		t.Fatal(err)
	}
	e.server.SetTTL("k", 2*tick)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- e.run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); e.server.Exists("k"); {
		if time.Now().After(deadline) {
			t.Fatal("a key lives past its time")
		}
		<-time.After(tick)
	}
	end()
	if err := await(t, "the clock ends", ended); err != nil {
		t.Error(err)
	}
}
