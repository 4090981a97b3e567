package sessionstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// fate is what becomes of one command.
type fate int

const (
	delivered   fate = iota
	resent           // the reply is lost and the command sent again: it runs twice, the second reply counts
	replyLost        // it runs, and its sender is told of a network error
	requestLost      // its sender is told of a network error; it never runs
	delayed          // its sender is told of a network error; it runs later, or never
	doubled          // it is answered, and a duplicate runs later, or never
)

func (f fate) String() string {
	return [...]string{"", "resent", "replyLost", "reqLost", "delayed", "doubled"}[f]
}

// errNetwork is no error that redisx would try again at once: that is for the schedule to decide.
var errNetwork = errors.New("the network failed, as the schedule wants it")

// wire is a hook of a client: it parks the commands of actors and lets them meet their fates. Commands of nobody pass.
type wire struct {
	raw     redis.UniversalClient // without the hook
	scripts map[string]*tampered  // by the digest of the script they replace
	touched func(key string)      // a script ran over a place
	later   func(call)            // a command is under way
}

// call is a command that is still on its way.
type call struct {
	about string
	run   func(ctx context.Context) error
}

func (w *wire) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *wire) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		a := actorOf(ctx)
		if a == nil {
			return next(ctx, cmd)
		}
		return w.send(ctx, a, []redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

func (w *wire) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		a := actorOf(ctx)
		if a == nil {
			return next(ctx, cmds)
		}
		var first error
		for _, part := range a.cut(cmds) {
			if err := w.send(ctx, a, part, func() error { return next(ctx, part) }); first == nil {
				first = err
			}
		}
		return first
	}
}

// cut splits a pipeline into the steps in which it reaches its servers, in any order.
func (a *actor) cut(cmds []redis.Cmder) [][]redis.Cmder {
	pieces := len(cmds)
	if pieces > 4 {
		pieces = 1 + a.dice.IntN(3)
	}
	parts := make([][]redis.Cmder, pieces)
	for i, k := range a.dice.Perm(len(cmds)) {
		parts[i%pieces] = append(parts[i%pieces], cmds[k])
	}
	return parts
}

// send is one step of an actor.
func (w *wire) send(ctx context.Context, a *actor, cmds []redis.Cmder, next func() error) error {
	if ctx.Err() != nil {
		return told(cmds, ctx.Err())
	}
	script := isScript(cmds[0])
	if script {
		w.tamper(cmds[0].Args())
	}
	f := a.park(about(cmds), script)
	if ctx.Err() != nil {
		return told(cmds, ctx.Err())
	}
	if f != delivered && !script {
		return told(cmds, errNetwork)
	}
	switch f {
	case resent:
		if err := w.again(cmds[0]).run(ctx); err != nil {
			return told(cmds, err)
		}
	case replyLost:
		return told(cmds, errors.Join(w.again(cmds[0]).run(ctx), errNetwork))
	case requestLost:
		return told(cmds, errNetwork)
	case delayed:
		w.later(w.again(cmds[0]))
		return told(cmds, errNetwork)
	case doubled:
		w.later(w.again(cmds[0]))
	}
	err := next()
	w.ran(cmds)
	return err
}

// again is the same script call once more.
func (w *wire) again(cmd redis.Cmder) call {
	args := slices.Clone(cmd.Args())
	return call{about([]redis.Cmder{cmd}), func(ctx context.Context) error {
		err := w.raw.Do(context.WithoutCancel(ctx), args...).Err()
		w.touched(fmt.Sprint(args[3]))
		return err
	}}
}

// ran notes which place a script changed, and puts the members of sets in order: a server's order is its own, and a run must
// depend on its seed alone.
func (w *wire) ran(cmds []redis.Cmder) {
	for _, cmd := range cmds {
		if isScript(cmd) {
			w.touched(fmt.Sprint(cmd.Args()[3]))
		}
		if set, ok := cmd.(*redis.StringSliceCmd); ok && cmd.Name() == "smembers" {
			slices.Sort(set.Val())
		}
	}
}

func isScript(cmd redis.Cmder) bool { return strings.HasPrefix(cmd.Name(), "eval") }

// told gives commands an error as their outcome.
func told(cmds []redis.Cmder, err error) error {
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
	return err
}

func about(cmds []redis.Cmder) string {
	parts := make([]string, len(cmds))
	for i, cmd := range cmds {
		args := cmd.Args()
		if isScript(cmd) {
			parts[i] = scriptNames[fmt.Sprint(args[1])] + " " + fmt.Sprint(args[3:min(len(args), 18)])
			continue
		}
		parts[i] = fmt.Sprint(args[:min(len(args), 3)])
	}
	return strings.Join(parts, " ")
}

var scriptNames = map[string]string{
	casScript.SHA(): "cas", commitScript.SHA(): "commit", dropScript.SHA(): "drop", revokedScript.SHA(): "revoked", pruneScript.SHA(): "prune",
	casAttachScript.SHA(): "cas+", commitAttachScript.SHA(): "commit+", findScript.SHA(): "find", glanceScript.SHA(): "glance",
}

// tampered is a script with one guard taken out.
type tampered struct{ source, digest string }

// tamper has a script call run the tampered script.
func (w *wire) tamper(args []any) {
	if t := w.scripts[fmt.Sprint(args[1])]; t != nil {
		args[1] = t.digest
	}
}
