package peers

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"orchestrator/internal/session"
)

// process starts this test binary as a node, and returns it with its port. Its calls come one by one.
func process(t *testing.T, id session.NodeID) (p *os.Process, port int, called func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(id))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(stdout)
	line := func() string {
		text, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(text)
	}
	if port, err = strconv.Atoi(line()); err != nil {
		t.Fatal(err)
	}
	return cmd.Process, port, func() { line() }
}

// The kernel closes what a killed process had open: no beat has to be missed. A process that stood still when it was killed is
// no exception, but while it stands still it is not dead.
func TestAKilledProcessIsBuried(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{false, true} {
		t.Run(fmt.Sprintf("paused=%v", paused), func(t *testing.T) {
			t.Parallel()
			p, port, called := process(t, "victim")
			other := newStand("other")
			f := hastyWatch(t, 10*interval, nodeAt("victim", port), nodeAt("other", portOf(t, other.serve(t).Listener.Addr().String())))
			called()
			called() // the first answer has arrived
			other.more(t, 3)
			if paused {
				if err := p.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				eventually(t, "a verdict on the paused process", func() bool { return len(f.reported()) > 0 })
				if b := f.buried(); len(b) != 0 {
					t.Fatalf("buried while it only stood still: %v", b)
				}
			}
			start := time.Now()
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a burial", func() bool { return len(f.buried()) > 0 })
			t.Logf("buried %s after the kill", time.Since(start).Round(100*time.Microsecond))
			f.rounds(t, 3)
			if b := f.buried(); len(b) != 1 || b[0] != (session.Holder{Node: "victim", Incarnation: "first"}) || f.woken != 1 {
				t.Fatalf("buried %v, woken %d times", b, f.woken)
			}
		})
	}
}

// A process that ends closes its connections and its port in any order: a connection may still be made in between.
func TestAConnectionMadeWhileTheProcessEndsIsNoLife(t *testing.T) {
	t.Parallel()
	var accepted atomic.Int64
	l := listen(t, "127.0.0.1:0")
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if accepted.Add(1) == 1 {
				answerOnce(conn, "victim")
			}
			_ = conn.Close()
			if accepted.Load() == 3 {
				_ = l.Close()
			}
		}
	}()
	f := watch(t, nodeAt("victim", portOf(t, l.Addr().String())))
	eventually(t, "a burial", func() bool { return len(f.buried()) > 0 })
}

func TestTimeoutsBuryNobody(t *testing.T) {
	t.Parallel()
	slow := newStand("slow")
	slow.hang = make(chan struct{})
	srv := slow.serve(t)
	t.Cleanup(func() { close(slow.hang) }) // before the server, which waits for its answers
	deaf := listen(t, "127.0.0.1:0")       // its kernel accepts, nobody else
	other := newStand("other")
	f := hastyWatch(t, 10*interval, nodeAt("slow", portOf(t, srv.Listener.Addr().String())), nodeAt("deaf", portOf(t, deaf.Addr().String())),
		nodeAt("other", portOf(t, other.serve(t).Listener.Addr().String())))
	eventually(t, "verdicts on both", func() bool { return f.whyOf("slow") != "" && f.whyOf("deaf") != "" })
	_ = deaf.Close() // it never answered: that it is gone now says nothing
	eventually(t, "that it cannot be connected to", func() bool { return strings.Contains(f.whyOf("deaf"), "cannot be connected to") })
	if b := f.buried(); len(b) != 0 {
		t.Fatalf("buried: %v", b)
	}
	if why := f.whyOf("slow"); !strings.Contains(why, "no answer within") {
		t.Fatalf("the slow one: %q", why)
	}
}

// Servers close idle connections, and some close each after one answer. Neither is news, nor a reason to call more often.
func TestConnectionsThatCloseAloneMeanNothing(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*http.Server){
		"idle": func(s *http.Server) { s.IdleTimeout = time.Millisecond },
		"each": func(s *http.Server) { s.SetKeepAlivesEnabled(false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var conns atomic.Int64
			s := newStand("closing")
			srv := s.serve(t, edit, func(s *http.Server) {
				s.ConnState = func(_ net.Conn, to http.ConnState) {
					if to == http.StateNew {
						conns.Add(1)
					}
				}
			})
			f := watch(t, nodeAt("closing", portOf(t, srv.Listener.Addr().String())))
			s.more(t, 10)
			if b, r := f.buried(), f.reported(); len(b) != 0 || len(r) != 0 {
				t.Fatalf("buried %v, reported %v", b, r)
			}
			if conns, calls := conns.Load(), s.calls.Load(); conns > 4*calls+4 {
				t.Fatalf("%d connections for %d calls", conns, calls)
			}
			kill(srv)
			eventually(t, "a burial", func() bool { return len(f.buried()) > 0 })
		})
	}
}

// What answers under another name on the same port may be anything: it neither lives nor dies for the node that was there.
func TestAnotherNodeOnThePort(t *testing.T) {
	t.Parallel()
	first, second, other := newStand("first"), newStand("second"), newStand("other")
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	f := watch(t, nodeAt("first", portOf(t, addr)), nodeAt("other", portOf(t, other.serve(t).Listener.Addr().String())))
	var swap atomic.Pointer[stand]
	swap.Store(first)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { swap.Load().ServeHTTP(w, r) })}
	var conns atomic.Pointer[net.Conn]
	srv.ConnState = func(c net.Conn, to http.ConnState) {
		if to == http.StateNew {
			conns.Store(&c)
		}
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	first.more(t, 3)
	swap.Store(second) // as if the port had been taken over in no time
	_ = (*conns.Load()).Close()
	eventually(t, "a verdict", func() bool { return strings.Contains(f.whyOf("first"), "another node answers at its address: second") })
	_ = srv.Close()
	eventually(t, "another verdict", func() bool { return strings.Contains(f.whyOf("first"), "cannot be connected to") })
	if b := f.buried(); len(b) != 0 {
		t.Fatalf("buried: %v", b)
	}
}

// A burial that the brake holds back, or that could not be asked for, is asked for again; one of a node that left is not.
func TestBurialsAreSettled(t *testing.T) {
	t.Parallel()
	s := newStand("victim")
	srv := s.serve(t)
	f := watch(t, nodeAt("victim", portOf(t, srv.Listener.Addr().String())))
	f.say("", errors.New("redis is away"))
	s.more(t, 2)
	kill(srv)
	eventually(t, "a second try", func() bool { return len(f.buried()) >= 2 })
	f.say(Braked, nil)
	from := len(f.buried())
	eventually(t, "tries under the brake", func() bool { return len(f.buried()) >= from+3 })
	f.say(Gone, nil)
	from = len(f.buried())
	eventually(t, "the last try", func() bool { return len(f.buried()) > from })
	last := len(f.buried())
	f.rounds(t, 5)
	if n := len(f.buried()); n != last || f.woken != 0 {
		t.Fatalf("%d tries after the node was gone, woken %d times", n-last, f.woken)
	}
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func answerOnce(conn net.Conn, id string) {
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nX-Orchestrator-Node: %s\r\nContent-Length: 0\r\n\r\n", id)
	}
}
