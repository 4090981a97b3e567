package redisx

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// reloader makes go-redis look at the cluster's topology again as soon as a connection fails. By itself go-redis does so every
// ClusterStateReloadInterval only, and a failover stays unseen that long (https://github.com/redis/go-redis/issues/3979).
type reloader struct {
	cluster interface{ ReloadState(context.Context) }
	last    atomic.Int64 // when the last reload was asked for, Unix nanoseconds
}

// reloadFloor is the least time between two reloads.
const reloadFloor = 100 * time.Millisecond

func newReloader(c interface{ ReloadState(context.Context) }) *reloader { return &reloader{cluster: c} }

func (r *reloader) saw(ctx context.Context, err error) {
	if !stale(err) {
		return
	}
	now, last := time.Now().UnixNano(), r.last.Load()
	if now-last >= int64(reloadFloor) && r.last.CompareAndSwap(last, now) {
		r.cluster.ReloadState(context.WithoutCancel(ctx))
	}
}

// stale reports whether an error hints at a topology that has changed.
func stale(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled) {
		return false
	}
	var (
		netErr  net.Error
		refused *openError
	)
	if errors.As(err, &refused) {
		return true
	}
	if errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	return hasCode(err, "CLUSTERDOWN", "MOVED", "READONLY", "MASTERDOWN")
}

func hasCode(err error, codes ...string) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return false
	}
	for _, code := range codes {
		if strings.HasPrefix(reply.Error(), code+" ") || reply.Error() == code {
			return true
		}
	}
	return false
}

// DialHook watches for servers that refuse connections.
func (r *reloader) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		r.saw(ctx, err)
		return conn, err
	}
}

// ProcessHook watches single commands.
func (r *reloader) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		r.saw(ctx, err)
		return err
	}
}

// ProcessPipelineHook watches pipelines.
func (r *reloader) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		r.saw(ctx, err)
		return err
	}
}
