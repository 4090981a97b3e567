package harness

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
)

// NodeConfig says how to start one orchestrator.
type NodeConfig struct {
	ID    string   // --node-id
	Seeds []string // --seeds, such as the Addrs of a redistest.Redis
	Port  int      // --port; 0 reserves a free one
	Flags []string // further flags, such as "--max-sessions", "100"
	Env   []string // further environment, "NAME=value"

	Binary string // the program; empty: that of Build
}

// StartNode starts `orchestrator serve` and waits until it says it is ready.
func StartNode(tb testing.TB, c NodeConfig) *Process {
	tb.Helper()
	p := LaunchNode(tb, c)
	p.WaitReady(tb)
	return p
}

// LaunchNode starts `orchestrator serve` without waiting, for starts that are
// meant to fail or to take their time.
func LaunchNode(tb testing.TB, c NodeConfig) *Process {
	tb.Helper()
	if c.Binary == "" {
		c.Binary = Build(tb)
	}
	if c.Port == 0 {
		c.Port = redistest.Port(tb)
	}
	port := strconv.Itoa(c.Port)
	args := []string{
		"serve", "--node-id", c.ID, "--listen", loopback, "--advertised-host", loopback, "--port", port,
		"--seeds", strings.Join(c.Seeds, ","),
	}
	return Start(tb, Program{
		Name: c.ID, Addr: loopback + ":" + port, Path: c.Binary, Args: append(args, c.Flags...), Env: c.Env,
	})
}

// loopback is the only address anything listens on.
const loopback = "127.0.0.1"

// WaitReady waits until the process takes requests.
func (p *Process) WaitReady(tb testing.TB) {
	tb.Helper()
	p.WaitStatus(tb, "/readyz", http.StatusOK)
}
