package registry

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// View returns the newest view; before the first look it is empty.
func (r *Registry) View() View { return *r.view.Load() }

// Refresh looks at the fleet now: two pipelines, whose size is the number of nodes. A registration that cannot be read is
// left out of the view and logged with its key and field. It returns a *session.UnavailableError, and the former view, where
// Redis does not answer.
func (r *Registry) Refresh(ctx context.Context) (View, error) {
	l := look{asked: time.Now()}
	if err := l.list(ctx, r); err != nil {
		return r.View(), err
	}
	if err := l.details(ctx, r); err != nil {
		return r.View(), err
	}
	return r.keep(l.view(r)), nil
}

// keep stores the view unless a younger one was stored meanwhile.
func (r *Registry) keep(v View) View {
	for {
		former := r.view.Load()
		if former.asked.After(v.asked) {
			return *former
		}
		if r.view.CompareAndSwap(former, &v) {
			return v
		}
	}
}

// look is one reading of the fleet's keys.
type look struct {
	asked  time.Time
	at     time.Time
	ends   []redis.Z
	load   map[session.NodeID]int
	hashes []*redis.MapStringStringCmd
}

func (l *look) list(ctx context.Context, r *Registry) error {
	var ends, load *redis.ZSliceCmd
	var at *redis.TimeCmd
	err := r.redis.Read(ctx, func(p redis.Pipeliner) {
		ends = p.ZRangeWithScores(ctx, r.keys.Nodes(), 0, -1)
		load = p.ZRangeWithScores(ctx, r.keys.Load(), 0, -1)
		at = p.Time(ctx)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(ends.Err(), load.Err()); err != nil {
		return &session.CorruptError{Key: r.keys.Nodes() + " or " + r.keys.Load(), Reason: err.Error()}
	}
	l.ends, l.at, l.load = ends.Val(), at.Val().UTC(), map[session.NodeID]int{}
	for _, z := range load.Val() {
		l.load[session.NodeID(z.Member.(string))] = int(z.Score)
	}
	return nil
}

func (l *look) details(ctx context.Context, r *Registry) error {
	return r.redis.Read(ctx, func(p redis.Pipeliner) {
		l.hashes = l.hashes[:0]
		for _, z := range l.ends {
			l.hashes = append(l.hashes, p.HGetAll(ctx, r.keys.Node(session.NodeID(z.Member.(string)))))
		}
	})
}

func (l *look) view(r *Registry) View {
	v := View{at: l.at, asked: l.asked}
	for i, z := range l.ends {
		id := session.NodeID(z.Member.(string))
		n, err := l.node(id, time.UnixMilli(int64(z.Score)).UTC(), l.hashes[i])
		if r.warned.about(r.cfg.Log, r.keys.Node(id), err) {
			continue
		}
		v.nodes = append(v.nodes, n)
	}
	slices.SortFunc(v.nodes, func(a, b session.Node) int { return cmp.Compare(a.Node, b.Node) })
	return v
}

func (l *look) node(id session.NodeID, ends time.Time, cmd *redis.MapStringStringCmd) (session.Node, error) {
	if err := cmd.Err(); err != nil {
		return session.Node{}, err
	}
	n := session.Node{Holder: session.Holder{Node: id}, State: session.Dead}
	if hash := cmd.Val(); len(hash) > 0 {
		var err error
		if n, err = decode(id, hash); err != nil {
			return session.Node{}, err
		}
	}
	if !ends.After(l.at) {
		n.State = session.Dead
	}
	n.ExpiresAt, n.Sessions = ends, l.load[id]
	return n, nil
}

// complaints logs each trouble with a key once, until it changes or ends.
type complaints struct {
	mu   sync.Mutex
	made map[string]string // by key
}

// about reports whether there is a trouble.
func (c *complaints) about(log *slog.Logger, key string, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.made, key)
		return false
	}
	if c.made == nil {
		c.made = map[string]string{}
	}
	if c.made[key] != err.Error() {
		c.made[key] = err.Error()
		log.Warn("cannot be read: left out", "key", key, "error", err)
	}
	return true
}
