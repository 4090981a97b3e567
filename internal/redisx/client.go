package redisx

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Client is a connection to the fleet's Redis, one server or a cluster. It is safe for concurrent use.
type Client struct {
	rdb      redis.UniversalClient
	cluster  *redis.ClusterClient // nil for one server
	patience time.Duration
	embedded bool
	alone    bool
	lenient  bool                    // a picture with slots that nobody serves is taken too
	reach    *redis.UniversalOptions // of every server
	log      *slog.Logger
	reloads  *reloader
	breakers *breakers
	topology atomic.Pointer[Topology]
	lanes    atomic.Pointer[lanes]
	clock    atomic.Pointer[moment]
}

// Open connects to the seeds, finds out whether they are one server or a cluster, and checks that the fleet can run there: a
// version of at least 7.0 and the noeviction policy on every master. It returns a *session.InvalidError for bad options and a
// *session.UnavailableError that names the trouble otherwise.
func Open(ctx context.Context, o Options) (*Client, error) {
	c, err := meet(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx); err != nil {
		_ = c.rdb.Close()
		return nil, err
	}
	return c, nil
}

// meet returns a client of what the seeds are, of which nothing else is known yet.
func meet(ctx context.Context, o Options) (*Client, error) {
	u, err := o.parse()
	if err != nil {
		return nil, err
	}
	clustered, err := isCluster(ctx, u)
	if err != nil {
		return nil, err
	}
	return newClient(o, u, clustered), nil
}

func newClient(o Options, u *redis.UniversalOptions, clustered bool) *Client {
	c := &Client{patience: o.Patience, embedded: o.Embedded, alone: o.Alone, reach: u, log: o.Log}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.breakers = &breakers{log: c.log}
	if !clustered {
		single := u.Simple()
		single.MaxRetries = 1
		one := redis.NewClient(single)
		one.AddHook(guarded{c.breakers, single.Addr})
		c.rdb = one
		return c
	}
	many := u.Cluster()
	many.ClusterStateReloadInterval = 2 * time.Second
	c.cluster = redis.NewClusterClient(many)
	c.rdb = c.cluster
	c.reloads = newReloader(c.cluster)
	c.cluster.AddHook(c.reloads)
	c.cluster.OnNewNode(func(node *redis.Client) {
		node.AddHook(c.reloads) // before the breaker, so that a refusal makes it look for the server's successor
		node.AddHook(guarded{c.breakers, node.Options().Addr})
	})
	return c
}

func (c *Client) ready(ctx context.Context) error {
	if err := c.checkServers(ctx); err != nil {
		return err
	}
	return c.Refresh(ctx)
}

// Close ends all connections.
func (c *Client) Close() error { return c.rdb.Close() }

// Redis returns the client underneath, for libraries that want one.
func (c *Client) Redis() redis.UniversalClient { return c.rdb }

// Clustered reports whether Redis is a cluster.
func (c *Client) Clustered() bool { return c.cluster != nil }

// isCluster asks the first seed that answers.
func isCluster(ctx context.Context, u *redis.UniversalOptions) (bool, error) {
	var last error
	for _, addr := range u.Addrs {
		one := u.Simple()
		one.Addr, one.MaxRetries = addr, -1
		clustered, err := askCluster(ctx, one)
		if err == nil {
			return clustered, nil
		}
		if reason, ok := reasonOf(err); ok {
			return false, Unavailable(addr+": "+reason, err)
		}
		last = err
	}
	return false, Unavailable(fmt.Sprintf("none of the seeds %s answers as Redis", strings.Join(u.Addrs, ", ")), last)
}

func askCluster(ctx context.Context, o *redis.Options) (bool, error) {
	one := redis.NewClient(o)
	defer func() { _ = one.Close() }()
	if err := one.Ping(ctx).Err(); err != nil {
		return false, err
	}
	info, err := one.Info(ctx, "cluster").Result()
	if err != nil {
		return false, refusedInfo(err)
	}
	return strings.Contains(info, "cluster_enabled:1"), nil
}

// refusedInfo passes a server's refusal of credentials on; the embedded server merely lacks the section.
func refusedInfo(err error) error {
	if strings.Contains(err.Error(), "is not supported") {
		return nil
	}
	return err
}

func noMaintenanceNotices() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// eachMaster calls fn on every master, or on the one server.
func (c *Client) eachMaster(ctx context.Context, fn func(ctx context.Context, master *redis.Client) error) error {
	if c.cluster != nil {
		return c.cluster.ForEachMaster(ctx, fn)
	}
	return fn(ctx, c.rdb.(*redis.Client))
}
