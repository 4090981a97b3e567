package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func creating() *fake {
	return &fake{create: func(context.Context, session.Draft, session.Idempotency) (session.Session, bool, error) {
		return sample(), true, nil
	}}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	atLimit := minimal + strings.Repeat(" ", MaxBody-len(minimal))
	call(t, h, "POST /v1/sessions", atLimit).ok(http.StatusCreated)
	p := call(t, h, "POST /v1/sessions", atLimit+" ").problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, MaxBody+1, p["used"])
	require.EqualValues(t, MaxBody, p["limit"])
}

// A body of unknown length is read up to its limit and no further.
func TestBodyLimitOfAStream(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	for _, target := range []string{"/v1/sessions", "/v1/sessions/" + someID + "/migrate"} {
		req := httptest.NewRequestWithContext(t.Context(), "POST", target, io.MultiReader(strings.NewReader(strings.Repeat(" ", MaxBody+1)), unread{}))
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = -1
		p := do(t, h, req).problem(http.StatusRequestEntityTooLarge, "too-large")
		require.EqualValues(t, MaxBody, p["limit"])
		require.NotContains(t, p, "used")
	}
}

func TestBodyCutOff(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sessions", unread{})
	req.Header.Set("Content-Type", "application/json")
	do(t, h, req).invalid("body")
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	for _, good := range []string{"application/json", "Application/JSON", "application/json; charset=utf-8", `application/json;charset="UTF-8"`} {
		call(t, h, "POST /v1/sessions", minimal, "Content-Type", good).ok(http.StatusCreated)
	}
	for target, bad := range map[string][]string{
		"POST /v1/sessions": {"", "text/plain", "application/merge-patch+json", "application/x-ndjson", "application/cbor",
			"application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; =", "/"},
		"POST /v1/sessions/batch":                  {"application/merge-patch+json", "text/csv"},
		"PATCH /v1/sessions/" + someID:             {"application/json-patch+json", "application/x-ndjson"},
		"POST /v1/sessions/" + someID + "/migrate": {"text/plain", "application/merge-patch+json"},
		"POST /v1/nodes/node-1/cordon":             {"text/plain"},
	} {
		for _, mediaType := range bad {
			headers := []string{"Content-Type", mediaType}
			call(t, h, target, minimal, headers...).problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
		}
	}
	call(t, h, "POST /v1/sessions", minimal, "Content-Encoding", "gzip").problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	call(t, h, "POST /v1/sessions", minimal, "Content-Encoding", "identity").ok(http.StatusCreated)
}

func TestBodyThatIsNoObject(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, body := range []string{
		"", " ", "null", "1", `"x"`, "[]", "{", "}", `{"type"}`, `{"type":}`, `{"type":"t",}`, `{type:1}`, `{"type":"t"} {}`, `{"type":"t"}]`,
		"{\"type\":\"\xff\"}", `{"type":"t"`, `{"a":01}`, `{"a":+1}`, `{"a":NaN}`, "\ufeff{}", `{"a":"\ud800"}`, `{"a":1e999`, `{"a":1,"a":2`, `{"a":{}]`, strings.Repeat("[", 100_000),
	} {
		if strings.HasPrefix(body, "[[") {
			call(t, h, "POST /v1/sessions", body).problem(http.StatusBadRequest, "invalid-request")
			continue
		}
		call(t, h, "POST /v1/sessions", body).invalid("body")
	}
}
