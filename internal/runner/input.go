package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"orchestrator/internal/leash"
)

// line turns an input into the line that the command reads: a text without line breaks is that line, anything else its JSON.
func line(data json.RawMessage) []byte {
	var text string
	if err := json.Unmarshal(data, &text); err == nil && string(data) != "null" && !strings.ContainsAny(text, "\r\n") {
		return append([]byte(text), '\n')
	}
	var one bytes.Buffer
	if err := json.Compact(&one, data); err != nil { // it is no JSON: the API does not give that
		return append(bytes.ReplaceAll(data, []byte("\n"), []byte(" ")), '\n')
	}
	return append(one.Bytes(), '\n')
}

// position is how far a command has come in its input.
type position struct {
	mu      sync.Mutex
	after   string // the last input that was read whole
	given   string // the last input that was given to the pipe
	offered int    // bytes of all that were given
	written int    // those of them that the pipe has taken
	waiting []mark
}

// mark is an input that counts as read when as many bytes were.
type mark struct {
	id  string
	end int
}

// begin starts with a new pipe: what was not read from the one before is given again.
func (p *position) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given, p.offered, p.written, p.waiting = p.after, 0, 0, nil
}

// next is the cursor behind which the next input is.
func (p *position) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.given
}

// skip goes on behind inputs that nobody can have any more.
func (p *position) skip(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offer(to, 0)
}

func (p *position) offer(id string, n int) {
	p.given, p.offered = id, p.offered+n
	p.waiting = append(p.waiting, mark{id, p.offered})
}

// write gives an input to the pipe and waits while that is full.
func (p *position) write(pipe io.Writer, in Input) error {
	text := line(in.Data)
	p.mu.Lock()
	p.offer(in.ID, len(text))
	p.mu.Unlock()
	n, err := pipe.Write(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written += n
	return err
}

// look returns the last input that was read whole. pending asks how many bytes the pipe still holds, and no write is counted meanwhile: one
// that is not counted yet is read later, never sooner than it was.
func (p *position) look(pending func() int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for read := p.written - pending(); len(p.waiting) > 0 && p.waiting[0].end <= read; p.waiting = p.waiting[1:] {
		p.after = p.waiting[0].id
	}
	return p.after
}

// feed gives the command its inputs until ctx ends, or the command does not take them.
func (g *grant) feed(ctx context.Context, pipe *os.File) {
	pause := backoff{first: 50 * time.Millisecond, most: 5 * time.Second}
	for ctx.Err() == nil {
		var gone *GoneError
		var unread error
		err := g.sessions.Inputs(ctx, g.session.ID, g.pos.next(), func(in Input) error {
			pause.reset()
			unread = g.pos.write(pipe, in)
			return unread
		})
		switch {
		case ctx.Err() != nil:
			return
		case unread != nil:
			g.log.Debug("the command reads no more input", "error", unread)
			return
		case errors.As(err, &gone):
			g.log.Warn("inputs are lost: they were not kept until they could be delivered", "after", g.pos.next(), "goesOnAfter", gone.Oldest)
			g.pos.skip(gone.Oldest)
			continue
		case errors.Is(err, ErrLost):
			g.lose(err)
			return
		case errors.Is(err, ErrRefused):
			g.log.Error("the command gets no input", "error", err)
			return
		case err != nil:
			g.log.Debug("the input's stream has ended", "error", err)
		}
		if !wait(ctx, pause.next()) {
			return
		}
	}
}

// record writes down how far the command has come, while it runs.
func (g *grant) record(ctx context.Context, pipe *os.File) {
	for wait(ctx, g.cfg.RecordEvery) {
		if after := g.at(pipe); after != g.recorded {
			g.report("record the input", Report{Labels: labelled(after)})
		}
	}
}

// at is how far the command has come.
func (g *grant) at(pipe *os.File) string {
	return g.pos.look(func() int {
		pending, err := leash.Pending(pipe)
		if err != nil {
			g.log.Warn("how much the command has read is not known", "error", err)
			return math.MaxInt
		}
		return pending
	})
}

// labelled is the label that says so; none while nothing was read.
func labelled(id string) map[string]*string {
	if id == "" {
		return nil
	}
	return map[string]*string{LabelAfter: &id}
}
