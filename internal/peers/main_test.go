package peers

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"orchestrator/internal/session"
)

// childEnv makes this test binary a node to be killed: its value is the node's name.
const childEnv = "PEERS_TEST_CHILD"

func TestMain(m *testing.M) {
	if id := os.Getenv(childEnv); id != "" {
		beNode(session.NodeID(id))
	}
	goleak.VerifyTestMain(m)
}

// beNode serves on a port that it prints, with a line for each call, until it is killed or its parent is gone.
func beNode(id session.NodeID) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	s := newStand(id)
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println("called")
			s.ServeHTTP(w, r)
		}))
	}()
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}
