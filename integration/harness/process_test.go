package harness_test

import (
	"net/http"
	"testing"
	"time"
)

func TestProcessLifeBySignals(t *testing.T) {
	t.Parallel()
	p := startServer(t, "small")
	p.WaitLog(t, 30*time.Second, "msg=serving", p.Addr())
	if got := p.Logged("never said"); len(got) != 0 {
		t.Errorf("found %q", got)
	}

	p.Pause(t)
	client := http.Client{Timeout: 100 * time.Millisecond}
	if resp, err := client.Get(p.URL() + "/who"); err == nil {
		resp.Body.Close()
		t.Error("a paused process answered")
	}
	p.Resume(t)
	p.WaitReady(t)

	p.Kill(t)
	if p.Running() {
		t.Error("running after the kill")
	}
	p.Restart(t)
	p.WaitReady(t)

	p.Terminate(t)
	if err := p.Wait(t, 30*time.Second); err != nil {
		t.Errorf("ended with %v after SIGTERM", err)
	}
	if got := p.Logged("msg=stopped"); len(got) != 1 {
		t.Errorf("logged its end %d times, want once", len(got))
	}
	client.CloseIdleConnections()
}
