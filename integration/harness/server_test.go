package harness_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// serveMode makes this test binary, started again by a test, a small HTTP
// server in place of an orchestrator; its value is the address.
const serveMode = "HARNESS_TEST_SERVE"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveMode); addr != "" {
		serve(addr)
		return
	}
	redistest.Main(m)
}

// serve answers until SIGTERM. It is ready unless POST /unready said otherwise.
func serve(addr string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var unready atomic.Bool
	var changes atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /unready", func(http.ResponseWriter, *http.Request) { unready.Store(true) })
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, addr) })
	mux.HandleFunc("GET /changes", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, changes.Load()) })
	mux.HandleFunc("POST /change", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		changes.Add(1)
		hangUp(w) // carried out, but nobody hears of it
	})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println("cannot listen:", err)
		os.Exit(1)
	}
	fmt.Println("level=INFO msg=serving addr=" + addr)
	go func() { _ = http.Serve(l, mux) }()
	<-ctx.Done()
	fmt.Println("level=INFO msg=stopped")
}

func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// startServer starts the small server as its own process and waits for it.
func startServer(t *testing.T, name string) *harness.Process {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", redistest.Port(t))
	p := harness.Start(t, harness.Program{Name: name, Addr: addr, Path: os.Args[0], Env: []string{serveMode + "=" + addr}})
	p.WaitReady(t)
	return p
}
