package httpapi

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

// echo makes a session of each draft, named as the draft is.
func echo(_ context.Context, drafts []session.Draft) []session.Result {
	results := make([]session.Result, len(drafts))
	for i, d := range drafts {
		results[i].Session = sample()
		results[i].Session.Name = d.Name
	}
	return results
}

// packItems returns the batch of those items in MessagePack. One that packText cannot say gives a member twice.
func packItems(t *testing.T, items []string) string {
	t.Helper()
	body := "\x81\xa8sessions\xdd" + string(binary.BigEndian.AppendUint32(nil, uint32(len(items))))
	for _, item := range items {
		packed, ok := packText(item, true)
		if !ok {
			packed = "\x81\xa6config\x82\xa1x\x01\xa1x\x02"
		}
		body += packed
	}
	return body
}

func named(name string) string { return `{"type":"t","name":"` + name + `","workspace":"/w"}` }

func results(t *testing.T, r response) []map[string]any {
	t.Helper()
	var out []map[string]any
	for _, item := range r.ok(http.StatusOK)["results"].([]any) {
		out = append(out, item.(map[string]any))
	}
	return out
}

func TestBatchKeepsOrderWhateverFails(t *testing.T) {
	t.Parallel()
	items := []string{
		named("a"), `{"type":"t"}`, named("b"), `7`, `{"type":"t","name":"n","workspace":"/w","config":{"x":1,"x":2}}`, named("full"),
		`{"type":"t","name":"n","workspace":"/w","config":` + nested(MaxConfigDepth+1) + `}`,
		with("config", `{"a":`+str(session.MaxConfig)+`}`), with("name", `"`+strings.Repeat("x", MaxBody)+`"`), named("c"),
	}
	want := []struct {
		status int
		told   string // the session's name, or the problem's code
	}{
		{201, "a"}, {400, "invalid-request"}, {201, "b"}, {400, "invalid-request"}, {400, "invalid-request"}, {503, "no-capacity"},
		{400, "invalid-request"}, {413, "too-large"}, {413, "too-large"}, {201, "c"},
	}
	full := func(ctx context.Context, drafts []session.Draft) []session.Result {
		out := echo(ctx, drafts)
		for i := range out {
			if drafts[i].Name == "full" {
				out[i] = session.Result{Err: &session.NoCapacityError{Used: 9, Limit: 9}}
			}
		}
		return out
	}
	h := handlerOf(t, config(&fake{createBatch: full}))
	for mediaType, body := range map[string]string{
		"application/json":     `{"sessions":[` + strings.Join(items, ",") + `]}`,
		"application/x-ndjson": strings.Join(items, "\n"),
		"application/msgpack":  packItems(t, items),
	} {
		r := call(t, h, "POST /v1/sessions/batch", body, "Content-Type", mediaType)
		got := results(t, r)
		require.Len(t, got, len(want))
		for i, item := range got {
			require.EqualValues(t, want[i].status, item["status"], "item %d", i)
			if want[i].status == 201 {
				require.Equal(t, want[i].told, item["session"].(map[string]any)["name"])
				require.NotContains(t, item, "problem")
				continue
			}
			p := item["problem"].(map[string]any)
			require.Equal(t, want[i].told, p["code"])
			require.EqualValues(t, want[i].status, p["status"])
			require.Equal(t, r.header.Get("X-Request-Id"), p["requestId"])
			require.NotContains(t, item, "session")
		}
	}
}

func TestBatchLines(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{createBatch: echo}))
	got := results(t, call(t, h, "POST /v1/sessions/batch", "\r\n"+named("a")+"\r\n\n  \n{broken\n"+named("b")+"\n", "Content-Type", "application/x-ndjson; charset=utf-8"))
	require.Len(t, got, 3)
	require.EqualValues(t, 201, got[0]["status"])
	require.EqualValues(t, 400, got[1]["status"])
	require.EqualValues(t, 201, got[2]["status"])
}

// No use case is called where no item is valid: the fake would panic.
func TestBatchOfInvalidItems(t *testing.T) {
	t.Parallel()
	got := results(t, call(t, handlerOf(t, config(&fake{})), "POST /v1/sessions/batch", `{"sessions":[{},null]}`))
	require.Len(t, got, 2)
}

func TestBatchSize(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{createBatch: echo}))
	lines := strings.Repeat(named("a")+"\n", session.MaxBatch)
	wrapped := func(lines string) string {
		return `{"sessions":[` + strings.ReplaceAll(strings.TrimSpace(lines), "\n", ",") + `]}`
	}
	require.Len(t, results(t, call(t, h, "POST /v1/sessions/batch", lines, "Content-Type", "application/x-ndjson")), session.MaxBatch)
	require.Len(t, results(t, call(t, h, "POST /v1/sessions/batch", wrapped(lines))), session.MaxBatch)
	packed, _ := packText(wrapped(lines), true)
	require.Len(t, results(t, call(t, h, "POST /v1/sessions/batch", packed, "Content-Type", "application/msgpack")), session.MaxBatch)

	lines += "1\n{\"a\":[{}]}\n"
	packed, _ = packText(wrapped(lines), true)
	for _, r := range []response{
		call(t, h, "POST /v1/sessions/batch", lines, "Content-Type", "application/x-ndjson"),
		call(t, h, "POST /v1/sessions/batch", wrapped(lines)),
		call(t, h, "POST /v1/sessions/batch", packed, "Content-Type", "application/msgpack"),
	} {
		p := r.problem(http.StatusRequestEntityTooLarge, "too-large")
		require.EqualValues(t, session.MaxBatch+2, p["used"])
		require.EqualValues(t, session.MaxBatch, p["limit"])
	}
}

func TestBatchRefuses(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for body, field := range map[string]string{
		``: "body", `[]`: "body", `null`: "body", `{`: "body", `{"sessions":[{}]} x`: "body", `{"sessions":[{},]}`: "body", `{"sessions":[{}`: "body",
		`{}`: "sessions", `{"sessions":[]}`: "sessions", `{"sessions":null}`: "sessions", `{"sessions":{}}`: "sessions",
		`{"sessions":[{}],"sessions":[{}]}`: "sessions", `{"items":[]}`: "items", `{"sessions":[{}],"dryRun":true}`: "dryRun",
		"{\"sessions\":[\"\xff\"]}": "body",
	} {
		call(t, h, "POST /v1/sessions/batch", body).invalid(field)
		if packed, ok := packText(body, true); ok {
			call(t, h, "POST /v1/sessions/batch", packed, "Content-Type", "application/msgpack").invalid(field)
		}
	}
	call(t, h, "POST /v1/sessions/batch", "\n\n", "Content-Type", "application/x-ndjson").invalid("sessions")
}

func TestBatchThatLosesResults(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{createBatch: func(context.Context, []session.Draft) []session.Result { return nil }}))
	call(t, h, "POST /v1/sessions/batch", `{"sessions":[`+named("a")+`]}`).problem(http.StatusInternalServerError, "internal")
}

// An item is measured as it was sent, without what stands between it and the next.
func TestBatchItemLimit(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	large := func(size int) string { // which no name may be
		return `{"name":"` + strings.Repeat("x", size-len(`{"name":""}`)) + `"}`
	}
	for size, code := range map[int]string{MaxBody: "invalid-request", MaxBody + 1: "too-large"} {
		for mediaType, body := range map[string]string{
			"application/json":     `{"sessions":[{} , ` + large(size) + ` , {} ]}`,
			"application/x-ndjson": "{}\n " + large(size) + " \n{}",
			"application/msgpack":  packItems(t, []string{`{}`, large(size - len("\x81\xa4name\xdb0000") + len(`{"name":""}`)), `{}`}),
		} {
			got := results(t, call(t, h, "POST /v1/sessions/batch", body, "Content-Type", mediaType))
			require.Len(t, got, 3)
			p := got[1]["problem"].(map[string]any)
			require.Equal(t, code, p["code"], "%s %d", mediaType, size)
			if code == "too-large" {
				require.EqualValues(t, size, p["used"], mediaType)
				require.EqualValues(t, MaxBody, p["limit"])
			}
		}
	}
}

func TestBatchBodyLimit(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{createBatch: echo}))
	body := named("a") + "\n"
	atLimit := body + strings.Repeat("\n", MaxBatchBody-len(body))
	require.Len(t, results(t, call(t, h, "POST /v1/sessions/batch", atLimit, "Content-Type", "application/x-ndjson")), 1)

	req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sessions/batch", unread{})
	req.ContentLength = MaxBatchBody + 1
	p := do(t, h, req).problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, MaxBatchBody+1, p["used"])
	require.EqualValues(t, MaxBatchBody, p["limit"])
}

// unread is a body that nobody may read.
type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, errors.New("was read") }
