package chaos

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"orchestrator/integration/harness"
)

// readersStuck is what clients can do to a node: they open its streams and do not read them, or leave in the middle. It must end each of them,
// by its time limit for one event if by nothing else, and go on serving the others.
var readersStuck = Fault{Name: "streams not read", Unseen: true, Hold: 2 * eventLimit, Start: stickReaders}

const (
	eventLimit  = 10 * time.Second // of the nodes, for one event to be written
	unreadEach  = 6                // streams of one kind that nobody reads, at each node
	leftEach    = 3                // connections left in the middle in one way, at each node
	heavyConfig = 100 << 10        // characters: more than the system keeps for who does not read
	heavyLetter = 15 << 10         // characters of a message
	letters     = 40
)

// stuck is one connection that its client does not read.
type stuck struct {
	what string
	node *harness.Process
	conn net.Conn
	told bool // it must have been answered
}

func stickReaders(w *world, r *rand.Rand) func() {
	id, owner := w.heavySession(r)
	var before []int
	for _, n := range w.nodes {
		before = append(before, w.goroutines(n))
	}
	var all []stuck
	for _, n := range w.nodes {
		messages, events := "/v1/sessions/"+id+"/messages", "/v1/events?cursor="+w.firstCursor(n)
		for range unreadEach {
			all = append(all, w.stick(n, "messages", messages, true), w.stick(n, "events", events, true))
			if n.Name() == owner {
				all = append(all, w.stick(n, "assignments", "/v1/nodes/"+owner+"/assignments", true))
			}
		}
		for range leftEach {
			closed := w.stick(n, "messages, closed in one direction", messages, false)
			_ = closed.conn.(*net.TCPConn).CloseWrite()
			all = append(all, closed, w.stick(n, "half a request", "", false))
		}
	}
	w.note("%d streams are open that nobody reads", len(all))
	return func() {
		open := stillOpen(all)
		w.found = append(w.found, open...)
		w.note("of these streams the nodes have ended all but %d", len(open))
		for i, n := range w.nodes {
			w.letGo(n, before[i])
		}
	}
}

// heavySession makes a session of which a stream has much to tell at once, and says which node it is assigned to. It is no client's.
func (w *world) heavySession(r *rand.Rand) (id, owner string) {
	c := w.client(300, r, Mix{})
	defer c.http.CloseIdleConnections()
	if w.heavy == "" {
		o := Op{Kind: Create, Value: c.value()}
		o = c.call(w.t.Context(), o, "POST", "/v1/sessions", map[string]any{"type": "chaos", "name": "heavy", "workspace": "/chaos",
			"labels": map[string]string{valueLabel: o.Value}, "config": map[string]string{"heavy": noise(r, heavyConfig)}}, nil)
		if w.heavy = o.Session; o.Outcome != OK {
			w.t.Fatalf("chaos: no session could be made: %s", o)
		}
		for range letters {
			o := Op{Kind: Publish, Session: w.heavy, Value: c.value()}
			o = c.call(w.t.Context(), o, "POST", "/v1/sessions/"+w.heavy+"/messages", map[string]string{"data": o.Value + " " + noise(r, heavyLetter)}, nil)
			if o.Outcome != OK {
				w.t.Fatalf("chaos: a message could not be published: %s", o)
			}
		}
	}
	o := c.call(w.t.Context(), Op{Kind: Read, Session: w.heavy}, "GET", "/v1/sessions/"+w.heavy, nil, nil)
	if o.Outcome != OK {
		w.t.Fatalf("chaos: a session could not be read: %s", o)
	}
	return w.heavy, o.Seen.Owner
}

// noise is a text that does not compress well.
func noise(r *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "%016x", r.Uint64())
	}
	return b.String()[:size]
}

// firstCursor stands behind the oldest event, so that a stream from there has all others to tell.
func (w *world) firstCursor(n *harness.Process) string {
	var page struct{ NextCursor string }
	if err := w.get(n, "/v1/events?limit=1", &page); err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	return page.NextCursor
}

// stick opens a stream that is not read; no path at all leaves off in the middle of the request. Small segments and a small buffer keep the
// system from taking in for the client what it does not read.
func (w *world) stick(n *harness.Process, what, path string, told bool) stuck {
	small := func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536))
		})
		return errors.Join(err, failed)
	}
	address := strings.TrimPrefix(n.URL(), "http://")
	conn, err := (&net.Dialer{Timeout: clientTimeout, Control: small}).Dial("tcp", address)
	if err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	request := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nAccept: text/event-stream\r\n\r\n"
	if path == "" {
		request = "GET /v1/events HTTP/1.1\r\nHost: "
	}
	if _, err := io.WriteString(conn, request); err != nil {
		w.t.Fatalf("chaos: %v", err)
	}
	return stuck{what, n, conn, told}
}

// drainLimit is how long it may take to read what the system has kept for the client.
const drainLimit = 5 * time.Second

// stillOpen holds that the nodes have ended all connections, and returns a violation for each that they have not.
func stillOpen(all []stuck) (found findings) {
	each := make([]findings, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		wg.Go(func() { s.ended(&each[i]) })
	}
	wg.Wait()
	return slices.Concat(each...)
}

// ended holds that the node has ended the connection: behind what had been sent there is nothing.
func (s stuck) ended(found *findings) {
	defer func() { _ = s.conn.Close() }()
	_ = s.conn.SetReadDeadline(time.Now().Add(drainLimit))
	text, err := io.ReadAll(s.conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		found.add(CutOff, "", "%s at %s: still open, %d bytes came in the end", s.what, s.node.Name(), len(text))
	}
	if s.told && !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		found.add(CutOff, "", "%s at %s: answered with %.60q", s.what, s.node.Name(), text)
	}
}

var goroutineLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

// goroutines is how many a node has.
func (w *world) goroutines(n *harness.Process) int {
	a, err := send(w.t.Context(), w.http, "GET", n.URL()+"/metrics", nil, nil)
	m := goroutineLine.FindSubmatch(a.body)
	if err != nil || m == nil {
		w.t.Fatalf("chaos: %s tells no number of goroutines: %d %v", n.Name(), a.status, err)
	}
	count, _ := strconv.Atoi(string(m[1])) // digits
	return count
}

// letGo holds that a node has no more goroutines than before it had served streams: fewer than one for each, for those of other clients
// come and go.
func (w *world) letGo(n *harness.Process, before int) {
	err := await(healLimit/3, func() error {
		if now := w.goroutines(n); now >= before+unreadEach {
			return fmt.Errorf("%s has %d goroutines, and had %d before its streams were left unread", n.Name(), now, before)
		}
		return nil
	})
	if err != nil {
		w.found.add(LeftNothing, "", "%v", err)
	}
}
