package redisx

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is one Redis server as it tells of itself.
type Server struct {
	Addr   string
	Master string            // address of the master whose replica the cluster calls it; empty: of none
	Info   map[string]string // the name:value lines of INFO
	Err    error             // why it could not be asked for them; then nothing else is known of it

	// How far its clock is before this process's, at least and at most: an answer takes time. ClockErr says why it was not asked.
	AheadLeast, AheadMost time.Duration
	ClockErr              error

	// Serves is nil where it answers a read, or says who else does.
	Serves error
}

// Replica reports whether the server copies another.
func (s Server) Replica() bool { return s.Info["role"] == "slave" || s.Info == nil && s.Master != "" }

// Replicas is how many replicas of a master follow it.
func (s Server) Replicas() (n int) {
	for name, value := range s.Info {
		if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
			n++
		}
	}
	return n
}

// TooOld reports whether the fleet does not run on the server's version.
func (s Server) TooOld() bool { return !atLeast(s.Info["redis_version"], MinVersion) }

// Servers asks every server about itself: those that the cluster names, masters and replicas, and the seeds; all at once, and each a single
// time, with a second to answer in. One that is known by two addresses is told once. Whether a server serves shows in a read of key.
func (c *Client) Servers(ctx context.Context, key string) []Server {
	all := c.named(ctx)
	var asked sync.WaitGroup
	for i := range all {
		asked.Go(func() { c.ask(ctx, &all[i], key) })
	}
	asked.Wait()
	return once(all)
}

// named returns the servers that the cluster names, its masters first, and then the seeds that it does not.
func (c *Client) named(ctx context.Context) (all []Server) {
	known := map[string]bool{}
	add := func(addr, master string) {
		if !known[addr] {
			known[addr] = true
			all = append(all, Server{Addr: addr, Master: master})
		}
	}
	if c.cluster != nil {
		ranges, _ := c.askAround(ctx) // else the seeds are all that is known
		for _, r := range ranges {
			if len(r.Nodes) > 0 {
				add(r.Nodes[0].Addr, "")
			}
		}
		for _, r := range ranges {
			for _, node := range r.Nodes[min(1, len(r.Nodes)):] {
				add(node.Addr, r.Nodes[0].Addr)
			}
		}
	}
	for _, seed := range c.reach.Addrs {
		add(seed, "")
	}
	return all
}

func (c *Client) ask(ctx context.Context, s *Server, key string) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	o := c.reach.Simple()
	o.Addr, o.MaxRetries = s.Addr, -1
	server := redis.NewClient(o)
	defer func() { _ = server.Close() }()
	info, err := server.Info(ctx).Result()
	if err != nil {
		s.Err = Wrap(err)
		return
	}
	s.Info = fields(info)
	sent := time.Now()
	clock, err := server.Time(ctx).Result()
	s.AheadLeast, s.AheadMost, s.ClockErr = time.Until(clock), clock.Sub(sent), Wrap(err)
	if err := server.Exists(ctx, key).Err(); !hasCode(err, "MOVED", "ASK") {
		s.Serves = Wrap(err)
	}
}

// once drops a server that was told before under another address.
func once(all []Server) []Server {
	told, kept := map[string]bool{}, all[:0]
	for _, s := range all {
		if id := s.Info["run_id"]; id == "" || !told[id] {
			told[id] = true
			kept = append(kept, s)
		}
	}
	return kept
}

// Forbidden reports whether a call failed because the user may not make it.
func Forbidden(err error) bool { return hasCode(err, "NOPERM") }

// Look connects as Open does, and takes Redis as it finds it: servers that the fleet cannot run on, masters that do not answer, slots that
// nobody serves. It is for whoever looks for what is wrong.
func Look(ctx context.Context, o Options) (*Client, error) {
	c, err := meet(ctx, o)
	if err != nil {
		return nil, err
	}
	c.lenient = true
	err = c.lookAround(ctx)
	_ = c.setClock(ctx)
	if err == nil && c.Masters() == 0 {
		err = Unavailable("the cluster names no master for any slot", nil)
	}
	if err != nil {
		_ = c.rdb.Close()
		return nil, err
	}
	return c, nil
}
