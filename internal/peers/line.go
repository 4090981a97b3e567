package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// longestAnswer is how much of an answer's body is read, in bytes. What is longer is not from a node.
const longestAnswer = 64 << 10

// How a line fails, besides the errors of a connection that has ended.
var (
	errLate    = errors.New("no answer in time")
	errGarbled = errors.New("what answers does not speak as a node does")
)

// answer is what a peer said to a health call.
type answer struct {
	status int
	node   string // who it says it is
}

// line is one connection to a peer. All its methods belong to one goroutine.
type line struct {
	conn net.Conn
	in   *bufio.Reader
	host string // for the Host header
	owed bool   // a call was not answered in time: its answer comes before any other
	stop func() bool
}

// newLine takes over conn. It ends with ctx.
func newLine(ctx context.Context, conn net.Conn, host string) *line {
	return &line{conn: conn, in: bufio.NewReader(conn), host: host, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
}

func (l *line) close() {
	l.stop()
	_ = l.conn.Close()
}

// remote is where the connection leads: an address, not a name.
func (l *line) remote() string { return l.conn.RemoteAddr().String() }

// rest reads until a moment. It returns nil at that moment, and an error as soon as the connection is of no more use.
func (l *line) rest(until time.Time) error {
	for {
		switch _, err := l.read(until); {
		case errors.Is(err, errLate):
			return nil
		case err != nil:
			return err
		case !l.owed:
			return errGarbled // an answer to nothing
		}
		l.owed = false
	}
}

// call asks for the peer's health, unless an earlier call is still to be answered, and waits for the answer.
func (l *line) call(limit time.Duration) (answer, error) {
	until := time.Now().Add(limit)
	if !l.owed {
		if err := l.ask(); err != nil {
			return answer{}, err
		}
	}
	a, err := l.read(until)
	l.owed = errors.Is(err, errLate)
	return a, err
}

// ask sends the health call. The peer's own quarantine is left out of its answer, or no peer could ever find it well again.
// It needs no time limit: with no other call unanswered, there is room for it in the connection's buffer.
func (l *line) ask() error {
	_, err := fmt.Fprintf(l.conn, "GET /readyz?exclude=quarantine HTTP/1.1\r\nHost: %s\r\nUser-Agent: orchestrator-peer\r\n\r\n", l.host)
	return err
}

// read waits for one answer: errLate says that none has begun by then.
func (l *line) read(until time.Time) (answer, error) {
	if err := l.conn.SetReadDeadline(until); err != nil {
		return answer{}, err
	}
	if _, err := l.in.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
		return answer{}, errLate
	} else if err != nil {
		return answer{}, err
	}
	// It has begun: the rest of it is on its way, even where the moment has come.
	if err := l.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return answer{}, err
	}
	return l.parse()
}

func (l *line) parse() (answer, error) {
	reply, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return answer{}, garbledUnlessEnded(err)
	}
	defer func() { _ = reply.Body.Close() }()
	n, err := io.Copy(io.Discard, io.LimitReader(reply.Body, longestAnswer))
	switch {
	case err != nil:
		return answer{}, garbledUnlessEnded(err)
	case n == longestAnswer:
		return answer{}, errGarbled
	}
	return answer{reply.StatusCode, reply.Header.Get("X-Orchestrator-Node")}, nil
}

// garbledUnlessEnded keeps the errors of a connection that ended in the middle of an answer.
func garbledUnlessEnded(err error) error {
	var op *net.OpError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return errGarbled
}
