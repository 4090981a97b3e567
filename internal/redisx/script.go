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

// Run runs one script and returns its reply.
func (c *Client) Run(ctx context.Context, s *Script, keys []string, args ...any) (any, error) {
	call := &Call{Script: s, Keys: keys, Args: args}
	c.RunAll(ctx, call)
	return call.Reply, call.Err
}

// RunAll runs several scripts in one flush; each call has its own outcome. Calls that fail for a passing reason are sent again
// until the client's patience or ctx ends.
func (c *Client) RunAll(ctx context.Context, calls ...*Call) {
	pending := calls
	patience := newPatience(c.patience)
	for len(pending) > 0 {
		c.send(ctx, pending)
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

// send runs each call by its digest, and by its text on servers that do not know it yet.
func (c *Client) send(ctx context.Context, calls []*Call) {
	c.flush(ctx, calls, func(p redis.Scripter, call *Call) *redis.Cmd {
		return call.Script.script.EvalSha(ctx, p, call.Keys, call.Args...)
	})
	unknown := calls[:0:0]
	for _, call := range calls {
		if hasCode(call.Err, "NOSCRIPT") {
			unknown = append(unknown, call)
		}
	}
	if len(unknown) > 0 {
		c.flush(ctx, unknown, func(p redis.Scripter, call *Call) *redis.Cmd {
			return call.Script.script.Eval(ctx, p, call.Keys, call.Args...)
		})
	}
}

func (c *Client) flush(ctx context.Context, calls []*Call, eval func(redis.Scripter, *Call) *redis.Cmd) {
	if len(calls) == 1 {
		calls[0].Reply, calls[0].Err = eval(c.rdb, calls[0]).Result()
		return
	}
	p := c.rdb.Pipeline()
	cmds := make([]*redis.Cmd, len(calls))
	for i, call := range calls {
		cmds[i] = eval(p, call)
	}
	_, execErr := p.Exec(ctx)
	for i, call := range calls {
		call.Reply, call.Err = cmds[i].Result()
		if call.Err == nil && call.Reply == nil {
			call.Err = execErr
		}
	}
}

// Read sends the commands that fill queues into one pipeline, and all of them again while the pipeline fails for a passing
// reason. The commands must only read. A missing key is no failure: look at each command's own result.
func (c *Client) Read(ctx context.Context, fill func(p redis.Pipeliner)) error {
	patience := newPatience(c.patience)
	for {
		p := c.rdb.Pipeline()
		fill(p)
		if p.Len() == 0 {
			return nil
		}
		cmds, _ := p.Exec(ctx)
		err := firstFailure(cmds)
		if err == nil || !transient(err) || !patience.wait(ctx) {
			return Wrap(err)
		}
	}
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
