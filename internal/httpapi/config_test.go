package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*Config){
		"Sessions":            func(c *Config) { c.Sessions = nil },
		"Explainer":           func(c *Config) { c.Explainer = nil },
		"Catalog":             func(c *Config) { c.Catalog = nil },
		"Nodes":               func(c *Config) { c.Nodes = nil },
		"Operations":          func(c *Config) { c.Operations = nil },
		"Board":               func(c *Config) { c.Board = nil },
		"Metrics":             func(c *Config) { c.Metrics = nil },
		"Health":              func(c *Config) { c.Health = nil },
		"Registry":            func(c *Config) { c.Registry = nil },
		"Log":                 func(c *Config) { c.Log = nil },
		"Node":                func(c *Config) { c.Node = "" },
		"RequestTimeout":      func(c *Config) { c.RequestTimeout = -1 },
		"TrustedProxies":      func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/33"} },
		"MaxStreamsPerClient": func(c *Config) { c.MaxStreamsPerClient = -1 },
		"MaxSessions":         func(c *Config) { c.MaxSessions = -1 },
		"must be":             func(c *Config) { c.RequestTimeout = writeTimeout - readTimeout },
	} {
		cfg := config(&fake{})
		spoil(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestNewTwiceOnOneRegistry(t *testing.T) {
	t.Parallel()
	cfg := config(&fake{})
	handlerOf(t, cfg)
	_, err := New(cfg)
	require.ErrorContains(t, err, "register metrics")
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	h := http.NotFoundHandler()
	s := Server("127.0.0.1:0", h)
	require.Equal(t, "127.0.0.1:0", s.Addr)
	require.Equal(t, []time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, 75 * time.Second},
		[]time.Duration{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout})
	require.Equal(t, 80<<10, s.MaxHeaderBytes)
	require.Less(t, DefaultRequestTimeout, s.WriteTimeout)
}
