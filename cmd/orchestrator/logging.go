package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// logLevels names slog's levels as an operator writes them.
var logLevels = []string{"debug", "info", "warn", "error"}

// newLogger returns a logger of lines at level or above, as text or as JSON. Redis's client library writes to the logger made
// last: by itself it would write to standard error in a form of its own.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // was validated; an unknown one is info
	o := &slog.HandlerOptions{Level: least}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if format == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	log := slog.New(h)
	clientLog.to.Store(log)
	installClientLog()
	return log
}

// clientLog is the library's one logger, a setting of the whole process: it is installed once, before any client exists.
var (
	clientLog        redisLog
	installClientLog = sync.OnceFunc(func() { redis.SetLogger(&clientLog) })
)

// redisLog turns the library's lines into ours.
type redisLog struct{ to atomic.Pointer[slog.Logger] }

// Printf is called by the library.
func (l *redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.to.Load().WarnContext(ctx, "redis client", "says", fmt.Sprintf(format, v...))
}
