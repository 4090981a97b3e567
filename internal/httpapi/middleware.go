package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	requestIDHeader = "X-Request-Id"
	nodeHeader      = "X-Orchestrator-Node"
)

// identify sets the headers of every response. The id of the request is the caller's where it is well formed, so that one
// id follows a request through proxies and nodes.
func (a *api) identify(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !validRequestID(id) {
		id = rand.Text()
	}
	h := c.Writer.Header()
	h.Set(requestIDHeader, id)
	h.Set(nodeHeader, string(a.cfg.Node))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// requestID returns the id that identify gave to the request.
func requestID(c *gin.Context) string { return c.Writer.Header().Get(requestIDHeader) }

func validRequestID(s string) bool {
	if s == "" || len(s) > MaxRequestID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// observe counts the request and logs it when it has ended, whatever way it ended.
func (a *api) observe(c *gin.Context) {
	start := time.Now()
	defer func() {
		took := time.Since(start)
		a.metrics.count(template(c), c.Request.Method, c.Writer.Status())
		if !a.streams(c) { // how long one was followed says nothing about how fast we are
			a.metrics.time(template(c), c.Request.Method, took)
		}
		a.logAccess(c, took)
	}()
	c.Next()
}

func (a *api) logAccess(c *gin.Context, took time.Duration) {
	ctx, status := c.Request.Context(), c.Writer.Status()
	level := accessLevel(status)
	if !a.cfg.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", c.Request.Method),
		slog.String("route", template(c)),
		slog.String("path", c.Request.URL.Path),
		slog.Int("status", status),
		slog.Duration("took", took),
		slog.Int("bytes", max(c.Writer.Size(), 0)),
		slog.String("requestId", requestID(c)),
		slog.String("remote", c.Request.RemoteAddr),
	}
	if from := c.ClientIP(); from != c.RemoteIP() && from != "" {
		attrs = append(attrs, slog.String("client", from)) // as a trusted proxy names it
	}
	if last := c.Errors.Last(); last != nil {
		attrs = append(attrs, slog.Any("error", last.Err))
	}
	a.cfg.Log.LogAttrs(ctx, level, "request", attrs...)
}

func accessLevel(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelWarn
	case status >= 400:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// recoverPanic answers a panic with an internal problem and logs where it came from. Once a part of the answer is on its way,
// all that is left is to break the connection, so that the caller does not take it for whole.
func (a *api) recoverPanic(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		a.cfg.Log.ErrorContext(c.Request.Context(), "panic while serving a request", "route", template(c),
			"requestId", requestID(c), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		a.fail(c, fmt.Errorf("panic: %v", v))
	}()
	c.Next()
}

// bodyRead is the key of what has the request's time begin anew once its body is there.
const bodyRead = "bodyRead"

// bound gives the request its time limit; a stream has none. How long the caller takes to send a body counts for nothing: the server's own limits
// see to that.
func (a *api) bound(c *gin.Context) {
	if a.streams(c) {
		c.Next()
		return
	}
	unbounded := c.Request.Context()
	ctx, cancel := context.WithTimeout(unbounded, a.cfg.RequestTimeout)
	defer func() { cancel() }()
	c.Request = c.Request.WithContext(ctx)
	if c.Request.ContentLength != 0 {
		c.Set(bodyRead, func() {
			cancel()
			ctx, cancel = context.WithTimeout(unbounded, a.cfg.RequestTimeout)
			c.Request = c.Request.WithContext(ctx)
		})
	}
	c.Next()
}
