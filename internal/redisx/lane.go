package redisx

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/groupcommit"
	"orchestrator/internal/keyspace"
)

const (
	// laneWidth is how many flushes are under way to one master at once: more would be smaller ones, fewer would have a small call wait
	// for a large one.
	laneWidth = 4
	// laneMost bounds what callers send in one flush, in arguments of commands: a server has answerTime for all of it, and took some 10 ms
	// for so many when measured (commits of sessions). What a caller sends at once is never split.
	laneMost = 10_000
)

// load is what one caller sends to one master in one flush.
type load struct {
	cmds []redis.Cmder
	err  error // of the flush as a whole
}

// weight is how many arguments a load's commands have.
func (l *load) weight() (n int) {
	for _, cmd := range l.cmds {
		n += len(cmd.Args())
	}
	return n
}

// lane carries the loads of concurrent callers to one master in common flushes. Each master has its own, so that one that is slow keeps
// nobody from the others.
type lane struct {
	master string // its id
	loads  *groupcommit.Group[*load]
}

// lanes are the lanes to the masters of a topology, in its order.
type lanes struct {
	topology *Topology
	all      []*lane
}

// pave makes lanes to the masters of a topology, and keeps those that are there.
func (c *Client) pave(t *Topology) {
	before := map[string]*lane{}
	if ls := c.lanes.Load(); ls != nil {
		for _, l := range ls.all {
			before[l.master] = l
		}
	}
	now := &lanes{topology: t, all: make([]*lane, len(t.Masters))}
	for i, m := range t.Masters {
		if now.all[i] = before[m.ID]; now.all[i] == nil {
			now.all[i] = &lane{m.ID, groupcommit.New(laneWidth, laneMost, (*load).weight, c.carry)}
		}
	}
	c.lanes.Store(now)
}

// of returns the lane to the master that serves a key.
func (ls *lanes) of(key string) *lane {
	return ls.all[max(0, ls.topology.MasterOf(keyspace.Slot(key)))]
}

// carry sends the commands of several callers in one flush.
func (c *Client) carry(ctx context.Context, loads []*load) {
	p := c.rdb.Pipeline()
	for _, l := range loads {
		_ = p.BatchProcess(ctx, l.cmds...)
	}
	_, err := p.Exec(ctx)
	for _, l := range loads {
		l.err = err
	}
}

// exec sends commands, each with the key that it is about, together with what others send to the same masters. Every command has its own
// outcome; the error is of a flush as a whole, and of no account where each command has one.
func (c *Client) exec(ctx context.Context, cmds []redis.Cmder, keyOf func(i int) string) error {
	if c.alone {
		l := &load{cmds: cmds}
		c.carry(ctx, []*load{l})
		return l.err
	}
	ls, order := c.lanes.Load(), []*lane(nil)
	loads := map[*lane]*load{}
	for i, cmd := range cmds {
		at := ls.of(keyOf(i))
		if loads[at] == nil {
			loads[at] = &load{}
			order = append(order, at)
		}
		loads[at].cmds = append(loads[at].cmds, cmd)
	}
	var others sync.WaitGroup
	for _, at := range order[1:] {
		others.Go(func() { at.send(ctx, loads[at]) })
	}
	order[0].send(ctx, loads[order[0]])
	others.Wait()
	for _, l := range loads {
		if l.err != nil {
			return l.err
		}
	}
	return nil
}

// send has a load carried. One that was not begun in the caller's time leaves the reason with each of its commands.
func (l *lane) send(ctx context.Context, what *load) {
	if err := l.loads.Do(ctx, what); err != nil {
		what.err = err
		for _, cmd := range what.cmds {
			cmd.SetErr(err)
		}
	}
}
