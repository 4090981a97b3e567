package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

const (
	contextPath = "/v1/sessions/" + someID + "/context"
	contextETag = `"3.9.` + someOp + `"`
)

var contextStamp = session.Stamp{Epoch: 3, Version: 9, Op: someOp}

func TestAContextIsRead(t *testing.T) {
	t.Parallel()
	f := &fake{getContext: func(_ context.Context, id session.ID, c session.Consistency) (session.Context, error) {
		require.Equal(t, session.ID(someID), id)
		if c == session.Eventual {
			return session.Context{}, session.ErrContextNotFound
		}
		return session.Context{Data: []byte("a\x00\xffb"), Type: "text/html; x=y", Stamp: contextStamp, UpdatedAt: time.UnixMilli(1_700_000_000_123)}, nil
	}}
	h := handlerOf(t, config(f))
	r := call(t, h, "GET "+contextPath, "")
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "a\x00\xffb", r.body)
	for name, want := range map[string]string{"Content-Type": "text/html; x=y", "ETag": contextETag, "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT", "Content-Length": "4",
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"} {
		require.Equal(t, want, r.header.Get(name), name)
	}
	r = call(t, h, "GET "+contextPath, "", "If-None-Match", `"x", W/`+contextETag)
	require.Equal(t, http.StatusNotModified, r.status)
	require.Empty(t, r.body)
	require.Equal(t, contextETag, r.header.Get("ETag"))
	call(t, h, "GET "+contextPath+"?consistency=eventual", "").problem(http.StatusNotFound, "context-not-found")
	call(t, h, "GET "+contextPath+"?consistency=no", "").invalid("consistency")
	call(t, h, "GET "+contextPath, "", "If-None-Match", "x").invalid("If-None-Match")
	call(t, h, "GET /v1/sessions/x/context", "").invalid("id")
}

func TestAContextIsWritten(t *testing.T) {
	t.Parallel()
	var got session.Context
	var on session.Condition
	f := &fake{putContext: func(_ context.Context, _ session.ID, c session.Context, cond session.Condition) (session.Stamp, bool, error) {
		got, on = c, cond
		if cond.Epoch == 2 {
			return session.Stamp{}, false, &session.StaleEpochError{Given: 2, Current: 3, Owner: "node-2"}
		}
		if len(cond.IfMatch) > 0 && cond.IfMatch[0] == "x" {
			return session.Stamp{}, false, &session.VersionMismatchError{Given: "x", Current: contextStamp.String(), Context: true}
		}
		return contextStamp, cond.Absent, nil
	}, dropContext: func(_ context.Context, _ session.ID, cond session.Condition) error {
		on = cond
		if cond.Epoch == 2 {
			return session.ErrContextNotFound
		}
		return nil
	}}
	h := handlerOf(t, config(f))
	r := call(t, h, "PUT "+contextPath, "\x00\xff", "Content-Type", "image/x; y=z", "If-None-Match", "*", "Session-Epoch", "3")
	require.Equal(t, http.StatusCreated, r.status, r.body)
	require.Equal(t, contextETag, r.header.Get("ETag"))
	require.Equal(t, session.Context{Data: []byte("\x00\xff"), Type: "image/x; y=z"}, got)
	require.Equal(t, session.Condition{Absent: true, Epoch: 3}, on)
	r = call(t, h, "PUT "+contextPath, "", "If-Match", contextETag)
	require.Equal(t, http.StatusNoContent, r.status, r.body)
	require.Equal(t, session.DefaultContextType, got.Type)
	require.Equal(t, []string{contextStamp.String()}, on.IfMatch)
	require.Equal(t, http.StatusNoContent, call(t, h, "PUT "+contextPath, strings.Repeat("x", session.MaxContext)).status)
	require.Len(t, got.Data, session.MaxContext)
	p := call(t, h, "PUT "+contextPath, strings.Repeat("x", session.MaxContext+1)).problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, session.MaxContext+1, p["used"])
	require.EqualValues(t, session.MaxContext, p["limit"])
	p = call(t, h, "PUT "+contextPath, "x", "If-Match", `"x"`).problem(http.StatusPreconditionFailed, "version-mismatch")
	require.Equal(t, contextETag, p["currentETag"])
	require.Contains(t, p["detail"], "context")
	call(t, h, "PUT "+contextPath, "x", "Session-Epoch", "2").problem(http.StatusConflict, "stale-epoch")
	call(t, h, "PUT "+contextPath, "x", "If-None-Match", `"x"`).invalid("If-None-Match")
	call(t, h, "PUT "+contextPath, "x", "Idempotency-Key", "k").invalid("Idempotency-Key")
	call(t, h, "PUT "+contextPath, "x", "Content-Type", strings.Repeat("t", session.MaxContextType+1)).invalid("Content-Type")
	call(t, h, "PUT "+contextPath, "x", "Content-Encoding", "gzip").problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	call(t, h, "PUT "+contextPath+"?x=y", "x").invalid("x")
	r = call(t, h, "DELETE "+contextPath, "", "If-Match", "*", "Session-Epoch", "3")
	require.Equal(t, http.StatusNoContent, r.status, r.body)
	require.Equal(t, session.Condition{IfMatch: []string{"*"}, Epoch: 3}, on)
	call(t, h, "DELETE "+contextPath, "", "Session-Epoch", "2").problem(http.StatusNotFound, "context-not-found")
	call(t, h, "DELETE "+contextPath, "", "Idempotency-Key", "k").invalid("Idempotency-Key")
}

// Neither messages nor a context change what names the session's own state.
func TestTheETagIsTheSessionsOwn(t *testing.T) {
	t.Parallel()
	f := &fake{get: func(context.Context, session.ID, session.Consistency) (session.Session, error) {
		s := sample()
		s.Resource, s.Stamp = s.Stamp, session.Stamp{Epoch: 3, Version: 20, Op: "01890a5d-ac96-774b-bcce-b302099a8099"}
		return s, nil
	}}
	h := handlerOf(t, config(f))
	r := call(t, h, "GET /v1/sessions/"+someID, "")
	require.EqualValues(t, 7, r.ok(http.StatusOK)["version"])
	require.Equal(t, sampleETag, r.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, call(t, h, "GET /v1/sessions/"+someID, "", "If-None-Match", sampleETag).status)
}
