package registry

import (
	"cmp"
	"context"
	_ "embed"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed refresh.lua
var refreshSource string

var refreshScript = redisx.NewScript("refresh", refreshSource)

// View returns the newest view; before the first look it is empty.
func (r *Registry) View() View { return *r.view.Load() }

// Refresh looks at the fleet now: a script and a pipeline, whose sizes are the number of nodes. A registration that cannot be
// read is left out of the view and logged with its key and field. It returns a *session.UnavailableError, and the former view,
// where Redis does not answer.
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
	ends   []scored // in order of id
	load   map[session.NodeID]int
	hashes []*redis.MapStringStringCmd
}

// scored is a member of a sorted set of nodes.
type scored struct {
	node  session.NodeID
	score float64
}

func (l *look) list(ctx context.Context, r *Registry) error {
	reply, err := r.redis.Run(ctx, refreshScript, []string{r.keys.Nodes(), r.keys.Load()})
	if err != nil {
		return err
	}
	list, _ := reply.([]any)
	if len(list) != 3 {
		return unexpected(refreshScript, reply)
	}
	now, _ := list[0].(int64)
	l.at, l.ends, l.load = time.UnixMilli(now).UTC(), scores(list[1]), map[session.NodeID]int{}
	for _, z := range scores(list[2]) {
		l.load[z.node] = int(z.score)
	}
	slices.SortFunc(l.ends, func(a, b scored) int { return cmp.Compare(a.node, b.node) })
	return nil
}

// scores reads a list of members and scores in turn.
func scores(reply any) []scored {
	list, _ := reply.([]any)
	out := make([]scored, len(list)/2)
	for i := range out {
		member, _ := list[2*i].(string)
		text, _ := list[2*i+1].(string)
		score, _ := strconv.ParseFloat(text, 64) // Redis keeps nothing but numbers there
		out[i] = scored{session.NodeID(member), score}
	}
	return out
}

func (l *look) details(ctx context.Context, r *Registry) error {
	return r.redis.Read(ctx, func(p redis.Pipeliner) {
		l.hashes = l.hashes[:0]
		for _, z := range l.ends {
			l.hashes = append(l.hashes, p.HGetAll(ctx, r.keys.Node(z.node)))
		}
	})
}

func (l *look) view(r *Registry) View {
	v := View{at: l.at, asked: l.asked}
	for i, z := range l.ends {
		n, err := l.node(z.node, time.UnixMilli(int64(z.score)).UTC(), l.hashes[i])
		if r.warned.about(r.cfg.Log, r.keys.Node(z.node), err) {
			continue
		}
		v.nodes = append(v.nodes, n)
	}
	return v
}

func (l *look) node(id session.NodeID, ends time.Time, cmd *redis.MapStringStringCmd) (session.Node, error) {
	if err := cmd.Err(); err != nil {
		return session.Node{}, err
	}
	n := session.Node{Holder: session.Holder{Node: id}, State: session.Dead}
	if hash := cmd.Val(); len(hash) > 0 {
		var err error
		if n, err = decode(id, hash, l.at); err != nil {
			return session.Node{}, err
		}
	}
	if !ends.After(l.at) {
		n.State, n.Drain = session.Dead, nil
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
