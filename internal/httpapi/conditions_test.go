package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

func TestCondition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header http.Header
		want   session.Condition
	}{
		{http.Header{}, session.Condition{}},
		{http.Header{"If-Match": {`"3.7.op"`}}, session.Condition{IfMatch: []string{"3.7.op"}}},
		{http.Header{"If-Match": {`"a", "b" ,,"c"`}}, session.Condition{IfMatch: []string{"a", "b", "c"}}},
		{http.Header{"If-Match": {`"a"`, `"b"`}}, session.Condition{IfMatch: []string{"a", "b"}}},
		{http.Header{"If-Match": {`*`}}, session.Condition{IfMatch: []string{"*"}}},
		{http.Header{"If-Match": {` * `}}, session.Condition{IfMatch: []string{"*"}}},
		{http.Header{"If-Match": {`""`}}, session.Condition{IfMatch: []string{""}}},
		// Those that can match no stamp stay, so that the condition is one.
		{http.Header{"If-Match": {`W/"a"`}}, session.Condition{IfMatch: []string{`W/"a"`}}},
		{http.Header{"If-Match": {`"*"`}}, session.Condition{IfMatch: []string{`"*"`}}},
		{http.Header{"Session-Epoch": {"1"}}, session.Condition{Epoch: 1}},
		{http.Header{"Session-Epoch": {"9007199254740991"}}, session.Condition{Epoch: 1<<53 - 1}},
	} {
		got, err := condition(c.header)
		require.NoError(t, err, c.header)
		require.Equal(t, c.want, got, c.header)
	}
}

func TestConditionRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"If-Match":      {"", ",", "3.7.op", `"a`, `a"`, `"a" "b"`, `"a"b`, `*, "a"`, `"a", *`, `w/"a"`, `W/a`, `"a b"`, "\"a\x01\""},
		"Session-Epoch": {"", "0", "-1", "+1", "1.0", "x", "0x1", "9007199254740992", "99999999999999999999"},
	} {
		for _, v := range values {
			_, err := condition(http.Header{name: {v}})
			var invalid *session.InvalidError
			require.ErrorAs(t, err, &invalid, "%s: %s", name, v)
			require.Equal(t, name, invalid.Field)
		}
	}
	_, err := condition(http.Header{"Session-Epoch": {"1", "1"}})
	require.Error(t, err)
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(creating()))
	for _, good := range []string{"k", `"quoted"`, "a b~!", strings.Repeat("k", session.MaxIdempotencyKey)} {
		call(t, h, "POST /v1/sessions", minimal, "Idempotency-Key", good).ok(http.StatusCreated)
	}
	for _, bad := range []string{"", "é", "a\tb", "a\x7f", strings.Repeat("k", session.MaxIdempotencyKey+1)} {
		call(t, h, "POST /v1/sessions", minimal, "Idempotency-Key", bad).invalid("Idempotency-Key")
	}
	call(t, h, "POST /v1/sessions", minimal, "Idempotency-Key", "a", "Idempotency-Key", "a").invalid("Idempotency-Key")
}
