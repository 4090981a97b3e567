package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"orchestrator/internal/session"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 75 * time.Second
	maxHeaderBytes    = session.MaxCursor + 16<<10
	eventTimeout      = 10 * time.Second
	bookmarkEvery     = 15 * time.Second
)

// Server returns a server of h on addr whose limits hold off slow and oversized requests: 5 s for the header, 15 s for the
// whole request, 30 s until the answer is written, 75 s for an idle connection (longer than the 60 s most load balancers keep one),
// 80 KiB of header, as cursors of events need them. Streams have no limit but one for each event (10 s); they end when the server shuts down. It is not started.
func Server(addr string, h http.Handler) *http.Server {
	s := &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	if a, ok := h.(*api); ok {
		s.RegisterOnShutdown(a.stop)
		s.ErrorLog = slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelWarn)
	}
	return s
}
