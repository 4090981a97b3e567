package redistest

import (
	"context"
	"io"
	"net"
	"sync"
)

// Dropper is a dialer whose connections lose replies on demand: a chosen
// command reaches Redis and is executed, its reply arrives and is thrown away,
// and the connection closes, as when a network fails at the worst moment.
type Dropper struct {
	mu      sync.Mutex
	match   Match
	left    int
	dropped int
	hit     chan struct{} // closed and renewed at each drop
}

// Match chooses commands by their arguments, the name first, as sent.
type Match func(args [][]byte) bool

// DropReplies returns a dialer that drops nothing until it is armed. Its
// [Dropper.Dial] is meant for the Dialer of a client's options.
func DropReplies() *Dropper { return &Dropper{hit: make(chan struct{})} }

// Arm has the dialer drop the reply of the next n commands that match, over
// all its connections. It replaces what was armed before.
func (d *Dropper) Arm(n int, match Match) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.match = n, match
}

// Dropped is how many replies were dropped so far.
func (d *Dropper) Dropped() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}

// Await waits until n replies were dropped in all.
func (d *Dropper) Await(ctx context.Context, n int) error {
	for {
		d.mu.Lock()
		dropped, hit := d.dropped, d.hit
		d.mu.Unlock()
		if dropped >= n {
			return nil
		}
		select {
		case <-hit:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Dial connects like a [net.Dialer].
func (d *Dropper) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &dropConn{Conn: conn, dropper: d}, nil
}

// claim reports whether this command's reply is to be dropped, and counts it.
func (d *Dropper) claim(args [][]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 || !d.match(args) {
		return false
	}
	d.left--
	return true
}

func (d *Dropper) done(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropped += n
	close(d.hit)
	d.hit = make(chan struct{})
}

// dropConn follows both directions of one connection by whole commands and
// whole replies.
type dropConn struct {
	net.Conn
	dropper *Dropper

	mu       sync.Mutex
	requests respStream
	sent     int // commands written, a started one included
	until    int // commands whose replies must have come before the end
	eat      int // how many of them were chosen; 0: pass everything on

	replies  respStream // the reader's own, with received
	received int
	ended    bool
}

// Write notes chosen commands before it sends them, for their replies may come
// while it still writes. A pipeline is executed to its end before it loses the
// connection: all commands of one Write are waited for.
func (c *dropConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	for _, args := range c.requests.feed(p) {
		c.sent++
		if c.dropper.claim(args) {
			c.eat++
		}
	}
	if c.eat > 0 {
		c.until = c.sent
		if c.requests.within() {
			c.until++
		}
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// Read passes replies on, until a chosen one is under way: then it swallows
// everything up to it and ends the connection.
func (c *dropConn) Read(p []byte) (int, error) {
	if c.ended {
		return 0, io.EOF
	}
	for {
		n, err := c.Conn.Read(p)
		c.received += len(c.replies.feed(p[:n]))
		c.mu.Lock()
		eat, until := c.eat, c.until
		c.mu.Unlock()
		if eat == 0 || err != nil {
			return n, err
		}
		if c.received >= until {
			c.ended = true
			c.dropper.done(eat)
			_ = c.Conn.Close()
			return 0, io.EOF
		}
	}
}
