package chaos

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"orchestrator/integration/harness"
)

// A node that ends its streams has done nothing wrong, one that keeps them open is found out, as is one that refuses them.
func TestStreamsThatStayOpenAreFound(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "event: snapshot\n\n")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/kept" {
			<-gone
		}
	}))
	defer node.Close()
	defer close(gone)
	for path, wrong := range map[string]bool{"/ended": false, "/kept": true, "/refused": true} {
		conn, err := net.Dial("tcp", node.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n", path)
		found := stillOpen([]stuck{{what: path, node: &harness.Process{}, conn: conn, told: true}})
		if len(found) > 0 != wrong {
			t.Errorf("%s: %v", path, found)
		}
	}
}
