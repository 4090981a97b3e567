package redisx

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Dialer opens one connection to a Redis server.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Options says where Redis is and how to reach it.
type Options struct {
	Seeds    []string // host:port, redis://[user:password@]host:port or rediss://...; at least one
	Username string   // of the Redis user; empty: default
	Password string
	TLS      *tls.Config   // nil: plain, unless a seed says rediss://
	Patience time.Duration // how long a call is tried again while Redis fails over, moves slots or is out of reach; default 5 s
	Embedded bool          // the server is the embedded one, which does not tell its version or policy
	Alone    bool          // each call has flushes of its own, for tests that hold single ones up; else those that come at once share them
	Dial     Dialer        // nil: TCP
	Log      *slog.Logger
}

const defaultPatience = 5 * time.Second

// answerTime is how long a server has for each answer, and for taking a connection.
const answerTime = time.Second

// parse reads the seeds into go-redis options; all of them must agree on TLS, user and database.
func (o Options) parse() (*redis.UniversalOptions, error) {
	if len(o.Seeds) == 0 {
		return nil, session.Invalid("seeds", "must name at least one Redis address")
	}
	u := &redis.UniversalOptions{
		Username: o.Username, Password: o.Password, TLSConfig: o.TLS,
		ClientName: "orchestrator", Protocol: 3, DisableIdentity: true,
		DialTimeout: answerTime, ReadTimeout: answerTime, WriteTimeout: answerTime,
		ContextTimeoutEnabled: true, PoolSize: 64, DialerRetries: 1, ConnMaxIdleTime: 5 * time.Minute,
		MinRetryBackoff: 8 * time.Millisecond, MaxRetryBackoff: 128 * time.Millisecond,
		MaintNotificationsConfig: noMaintenanceNotices(),
	}
	if o.Dial != nil {
		u.Dialer = o.Dial
	}
	for i, seed := range o.Seeds {
		if err := addSeed(u, seed, i == 0); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func addSeed(u *redis.UniversalOptions, seed string, first bool) error {
	if !strings.Contains(seed, "://") {
		if _, _, err := net.SplitHostPort(seed); err != nil {
			return session.Invalid("seeds", fmt.Sprintf("%q is neither host:port nor a redis:// or rediss:// address: %v", seed, err))
		}
		u.Addrs = append(u.Addrs, seed)
		return nil
	}
	one, err := redis.ParseURL(seed)
	if err != nil {
		return session.Invalid("seeds", fmt.Sprintf("%q cannot be read: %v", redact(seed), err))
	}
	u.Addrs = append(u.Addrs, one.Addr)
	if !first && (one.TLSConfig == nil) != (u.TLSConfig == nil) {
		return session.Invalid("seeds", "mix redis:// and rediss:// addresses")
	}
	if one.TLSConfig != nil && u.TLSConfig == nil {
		u.TLSConfig = one.TLSConfig
	}
	if one.Password != "" {
		u.Username, u.Password = one.Username, one.Password
	}
	u.DB = one.DB
	return nil
}

// redact hides what stands between :// and @ in an address.
func redact(seed string) string {
	scheme, rest, _ := strings.Cut(seed, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "…" + rest[at:]
	}
	return scheme + "://" + rest
}
