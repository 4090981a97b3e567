package client_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"orchestrator/client"
	"orchestrator/client/clienttest"
	"orchestrator/integration/clientsuite"
)

// fleet is one in memory, served.
type fleet struct {
	*clienttest.Fleet

	servers []*httptest.Server
}

func serve(t *testing.T, nodes ...string) fleet {
	t.Helper()
	f := fleet{Fleet: clienttest.New(nodes...)}
	for _, id := range nodes {
		s := httptest.NewServer(f.Node(id))
		f.Reached(id, strings.TrimPrefix(s.URL, "http://"))
		t.Cleanup(s.Close)
		f.servers = append(f.servers, s)
	}
	return f
}

func (f fleet) addrs() (all []string) {
	for _, s := range f.servers {
		all = append(all, s.URL)
	}
	return all
}

func (f fleet) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: f.addrs(), RetryFor: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOnAFleetInMemory(t *testing.T) {
	t.Parallel()
	clientsuite.Run(t, serve(t, "node-1", "node-2").addrs())
}
