package harness

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"orchestrator/deploy"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redistest/engine"
	"orchestrator/internal/redistest/host"
	"orchestrator/internal/redistest/scratch"
)

// HAProxyImage is the image that a contained HAProxy is run from: pulled, or
// made of the installed program where no registry answers.
var HAProxyImage = engine.Recipe{
	Name: "haproxy", Pull: "haproxy:3.0-alpine", Package: "haproxy", Programs: []string{"haproxy"},
}

// checkInterval is how often a node is probed: faster than deployed, for tests
// wait for it.
const checkInterval = "200ms"

// backendName is the part of the configuration that lists the nodes.
const backendName = "orchestrators"

// HAProxy is a load balancer that runs the shipped configuration.
type HAProxy struct {
	addr, stats string
}

// StartHAProxy starts HAProxy over nodes, given as host:port, with the shipped
// configuration in which only the list of servers is changed. It returns when
// the balancer answers; see [HAProxy.WaitUp].
func StartHAProxy(tb testing.TB, backends []string) *HAProxy {
	tb.Helper()
	h := &HAProxy{
		addr:  fmt.Sprintf("%s:%d", loopback, redistest.Port(tb)),
		stats: fmt.Sprintf("%s:%d", loopback, redistest.Port(tb)),
	}
	config, err := h.config(backends)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	if e := redistest.Containers(tb); e != nil {
		h.contain(tb, e, config)
	} else {
		h.spawn(tb, config)
	}
	if !waitFor(tb, readyTimeout, func(ctx context.Context) bool {
		_, err := get(ctx, h.statsURL())
		return err == nil
	}) {
		tb.Fatalf("harness: HAProxy does not answer on %s", h.stats)
	}
	return h
}

// URL is the base of the balancer's HTTP addresses, without a final slash.
func (h *HAProxy) URL() string { return "http://" + h.addr }

// Addr is the balancer's host:port.
func (h *HAProxy) Addr() string { return h.addr }

func (h *HAProxy) statsURL() string { return "http://" + h.stats + "/stats;csv" }

// config is the shipped file with the test's own nodes and, through the
// variables that it offers, the test's addresses and pace.
func (h *HAProxy) config(backends []string) (string, error) {
	var out []string
	listed := false
	for line := range strings.Lines(deploy.HAProxy) {
		if !strings.HasPrefix(strings.TrimSpace(line), "server ") {
			out = append(out, line)
			continue
		}
		if listed {
			continue
		}
		listed = true
		for i, b := range backends {
			out = append(out, fmt.Sprintf("    server node%d %s check\n", i, b))
		}
	}
	if !listed {
		return "", fmt.Errorf("the shipped HAProxy configuration lists no server")
	}
	return strings.NewReplacer(
		"${LB_BIND-:8080}", h.addr, "${LB_STATS_BIND-:8404}", h.stats, "${LB_CHECK_INTER-2s}", checkInterval,
	).Replace(strings.Join(out, "")), nil
}

func (h *HAProxy) contain(tb testing.TB, e *engine.Engine, config string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	image, _, err := e.Image(ctx, HAProxyImage)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	const file = "/srv/haproxy.cfg"
	c, err := e.Run(ctx, engine.Spec{
		Image: image, Command: []string{"haproxy", "-db", "-f", file}, Files: map[string]string{file: config},
	})
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("last lines of HAProxy:\n%s", tail(strings.Split(c.Logs(ctx), "\n")))
		}
		_ = c.Remove(ctx)
	})
}

func (h *HAProxy) spawn(tb testing.TB, config string) {
	tb.Helper()
	binary, _, err := host.Program(tb.Context(), "haproxy", "haproxy")
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	dir, err := scratch.Dir("haproxy")
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatalf("harness: %v", err)
	}
	Start(tb, Program{Name: "haproxy", Addr: h.addr, Path: binary, Args: []string{"-db", "-f", file}})
}

// Up returns how many nodes the balancer sends requests to at the moment.
func (h *HAProxy) Up(tb testing.TB) int {
	tb.Helper()
	up, err := h.up(tb.Context())
	if err != nil {
		tb.Fatalf("harness: HAProxy's statistics: %v", err)
	}
	return up
}

// WaitUp waits until the balancer sends requests to exactly n nodes.
func (h *HAProxy) WaitUp(tb testing.TB, n int, limit time.Duration) {
	tb.Helper()
	last := -1
	if !waitFor(tb, limit, func(ctx context.Context) bool {
		up, err := h.up(ctx)
		if err == nil {
			last = up
		}
		return err == nil && up == n
	}) {
		tb.Fatalf("harness: HAProxy has %d nodes up after %s, want %d", last, limit, n)
	}
}

// up counts the servers that are up by a probe's answer: before the first one,
// every server is up by assumption.
func (h *HAProxy) up(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.statsURL(), nil)
	if err != nil {
		return 0, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(rows) == 0 {
		return 0, fmt.Errorf("statistics: %d rows, %w", len(rows), err)
	}
	return countUp(rows), nil
}

func countUp(rows [][]string) int {
	column := map[string]int{}
	for i, name := range rows[0] {
		column[strings.TrimPrefix(name, "# ")] = i
	}
	up := 0
	for _, row := range rows[1:] {
		server := row[column["pxname"]] == backendName && row[column["svname"]] != "BACKEND"
		// One that has failed a probe and may fail another reads "UP 1/2".
		probed := strings.Contains(row[column["check_status"]], "L7")
		if server && probed && strings.HasPrefix(row[column["status"]], "UP") {
			up++
		}
	}
	return up
}
