package redisx

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that runs on the server by its digest.
type Script struct {
	name   string
	script *redis.Script
}

// NewScript names a script; source is its text.
func NewScript(name, source string) *Script { return &Script{name, redis.NewScript(source)} }

// Name returns the script's name.
func (s *Script) Name() string { return s.name }

// SHA returns the script's SHA-1 digest in hexadecimal, as EVALSHA sends it.
func (s *Script) SHA() string { return s.script.Hash() }

// Call is one run of a script: what goes in, and after RunAll what came out. All its keys share one slot.
type Call struct {
	Script *Script
	Keys   []string
	Args   []any
	Reply  any   // as go-redis reads it: int64, string, []any
	Err    error // of this call alone; a *session.UnavailableError where Redis could not be reached
}

// Run runs one script, on a connection of its own, and returns its reply. It ends with ctx.
func (c *Client) Run(ctx context.Context, s *Script, keys []string, args ...any) (any, error) {
	call := &Call{Script: s, Keys: keys, Args: args}
	c.tryAll(ctx, c.flushOne, call)
	return call.Reply, call.Err
}

// RunAll runs several scripts at once, in common flushes with what others send; each call has its own outcome. Calls that fail for a passing
// reason are sent again until the client's patience or ctx ends. What has been sent with others' calls is waited for as long as theirs.
func (c *Client) RunAll(ctx context.Context, calls ...*Call) {
	if len(calls) > 0 {
		c.tryAll(ctx, c.flush, calls...)
	}
}

// evaluate has a call queued or run: by its script's digest, or by its text.
type evaluate func(ctx context.Context, to redis.Scripter, call *Call) *redis.Cmd

func byDigest(ctx context.Context, to redis.Scripter, call *Call) *redis.Cmd {
	return call.Script.script.EvalSha(ctx, to, call.Keys, call.Args...)
}

func byText(ctx context.Context, to redis.Scripter, call *Call) *redis.Cmd {
	return call.Script.script.Eval(ctx, to, call.Keys, call.Args...)
}

// sender carries calls out, each once.
type sender func(ctx context.Context, calls []*Call, eval evaluate)

// tryAll carries calls out, and those that fail for a passing reason again.
func (c *Client) tryAll(ctx context.Context, send sender, calls ...*Call) {
	pending := calls
	patience := newPatience(c.patience)
	for len(pending) > 0 {
		known(ctx, send, pending)
		again := pending[:0:0]
		for _, call := range pending {
			if transient(call.Err) {
				again = append(again, call)
			}
		}
		if len(again) == 0 || !patience.wait(ctx) {
			break
		}
		pending = again
	}
	for _, call := range calls {
		call.Err = Wrap(call.Err)
	}
}

// known runs each call by its script's digest, and by its text on servers that do not know it yet.
func known(ctx context.Context, send sender, calls []*Call) {
	send(ctx, calls, byDigest)
	unknown := calls[:0:0]
	for _, call := range calls {
		if hasCode(call.Err, "NOSCRIPT") {
			unknown = append(unknown, call)
		}
	}
	if len(unknown) > 0 {
		send(ctx, unknown, byText)
	}
}

// flushOne sends a call by itself.
func (c *Client) flushOne(ctx context.Context, calls []*Call, eval evaluate) {
	calls[0].Reply, calls[0].Err = eval(ctx, c.rdb, calls[0]).Result()
}

// flush sends calls together with what others send.
func (c *Client) flush(ctx context.Context, calls []*Call, eval evaluate) {
	p := c.rdb.Pipeline()
	cmds := make([]*redis.Cmd, len(calls))
	for i, call := range calls {
		cmds[i] = eval(ctx, p, call)
	}
	flushErr := c.exec(ctx, p.Cmds(), func(i int) string { return calls[i].Keys[0] })
	for i, call := range calls {
		call.Reply, call.Err = cmds[i].Result()
		if call.Err == nil && call.Reply == nil {
			call.Err = flushErr
		}
	}
}

// Read sends the commands that fill queues, in common flushes with what others send, and all of them again while one fails for a passing
// reason. The commands must only read, each from the key that is its first argument. A missing key is no failure: look at each command's own
// result. What has been sent with others' commands is waited for as long as theirs.
func (c *Client) Read(ctx context.Context, fill func(p redis.Pipeliner)) error {
	patience := newPatience(c.patience)
	for {
		p := c.rdb.Pipeline()
		fill(p)
		if p.Len() == 0 {
			return nil
		}
		cmds := p.Cmds()
		_ = c.exec(ctx, cmds, func(i int) string { return firstArg(cmds[i]) }) // each command has its own outcome
		err := firstFailure(cmds)
		if err == nil || !transient(err) || !patience.wait(ctx) {
			return Wrap(err)
		}
	}
}

func firstArg(cmd redis.Cmder) string {
	key, _ := cmd.Args()[1].(string)
	return key
}

func firstFailure(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && err != redis.Nil && !hasCode(err, "WRONGTYPE") {
			return err
		}
	}
	return nil
}

// patience is the waiting between tries: 10 ms growing to 200 ms, with jitter, until its end.
type patience struct {
	end   time.Time
	pause time.Duration
}

func newPatience(d time.Duration) *patience {
	return &patience{time.Now().Add(d), 10 * time.Millisecond}
}

// wait pauses before the next try; false means there is none.
func (p *patience) wait(ctx context.Context) bool {
	pause := p.pause/2 + rand.N(p.pause)
	p.pause = min(2*p.pause, 200*time.Millisecond)
	if time.Now().Add(pause).After(p.end) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
