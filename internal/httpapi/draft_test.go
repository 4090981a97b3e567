package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"orchestrator/internal/session"
)

// with is the minimal body with one member changed or added.
func with(member, value string) string {
	members := map[string]json.RawMessage{"type": []byte(`"t"`), "name": []byte(`"n"`), "workspace": []byte(`"/w"`)}
	members[member] = json.RawMessage(value)
	if value == "" {
		delete(members, member)
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func str(n int) string { return strconv.Quote(strings.Repeat("x", n)) }

func labels(n int) string {
	m := map[string]string{}
	for i := range n {
		m[strconv.Itoa(i)] = "v"
	}
	text, _ := json.Marshal(m)
	return string(text)
}

func nested(levels int) string {
	return strings.Repeat(`{"d":`, levels-1) + "{}" + strings.Repeat("}", levels-1)
}

// decode reads a draft from a JSON body and, where MessagePack can say the same, from that: nothing may differ but the words.
func decode(body string) (session.Draft, error) {
	members, err := parseObject([]byte(body))
	var draft session.Draft
	if err == nil {
		draft, err = decodeDraft(members)
	}
	if packed, ok := packText(body, true); ok {
		again, errPacked := decodePacked(packed)
		if !reflect.DeepEqual(draft, again) || !reflect.DeepEqual(err, errPacked) {
			return session.Draft{}, fmt.Errorf("as JSON %+v, %w; as msgpack %+v, %w", draft, err, again, errPacked)
		}
	}
	return draft, err
}

func decodePacked(body string) (session.Draft, error) {
	members, err := parsePacked([]byte(body))
	if err != nil {
		return session.Draft{}, err
	}
	return decodeDraft(members)
}

func TestDraftFieldsAtTheirLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ member, value string }{
		{"type", str(session.MaxType)},
		{"name", str(session.MaxName)},
		{"name", `"` + strings.Repeat("é", session.MaxName) + `"`},
		{"workspace", str(session.MaxWorkspace)},
		{"labels", labels(session.MaxLabels)},
		{"labels", `{` + str(session.MaxLabelKey) + `:` + str(session.MaxLabelValue) + `}`},
		{"config", `{"a":` + str(session.MaxConfig-len(`{"a":""}`)) + `}`},
		{"config", nested(MaxConfigDepth)},
		{"config", `{"max":18446744073709551615,"min":-9223372036854775808}`},
		{"ttl", `"1s"`}, {"ttl", `1000`}, {"ttl", `"8760h"`}, {"ttl", `31536000000`}, {"ttl", `"0s"`},
		{"status", `"active"`}, {"status", `"idle"`}, {"status", `"completed"`}, {"status", `"failed"`}, {"status", `""`},
		{"placement", `{"node":` + str(session.MaxNodeID) + `,"zone":` + str(session.MaxNodeID) + `}`},
		{"durability", `"acked"`}, {"durability", `"fast"`},
	} {
		_, err := decode(with(c.member, c.value))
		require.NoError(t, err, "%s %.80s", c.member, c.value)
		if c.value != `""` { // as good as left out, which nobody needs to know
			requireDescribed(t, "SessionDraft", with(c.member, c.value), nil)
		}
	}
}

func TestDraftFieldsPastTheirLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ member, value, field string }{
		{"type", ``, "type"}, {"type", `null`, "type"}, {"type", `""`, "type"}, {"type", `7`, "type"},
		{"type", `"a b"`, "type"}, {"type", str(session.MaxType + 1), "type"},
		{"name", ``, "name"}, {"name", `""`, "name"}, {"name", `true`, "name"}, {"name", `"a\u0000"`, "name"}, {"name", str(session.MaxName + 1), "name"},
		{"workspace", ``, "workspace"}, {"workspace", `[]`, "workspace"}, {"workspace", str(session.MaxWorkspace + 1), "workspace"},
		{"labels", labels(session.MaxLabels + 1), "labels"}, {"labels", `[]`, "labels"}, {"labels", `"a=b"`, "labels"},
		{"labels", `{"a":1}`, "labels.a"}, {"labels", `{"a":null}`, "labels.a"}, {"labels", `{"a":{}}`, "labels.a"},
		{"labels", `{"":"v"}`, "labels key"}, {"labels", `{"a b":"v"}`, "labels key"},
		{"labels", `{` + str(session.MaxLabelKey+1) + `:"v"}`, "labels key"},
		{"labels", `{"a":` + str(session.MaxLabelValue+1) + `}`, "labels.a"},
		{"config", `[]`, "config"}, {"config", `"x"`, "config"}, {"config", `1`, "config"},
		{"config", nested(MaxConfigDepth + 1), "config"},
		{"config", `{"a":` + strings.Repeat("[", MaxConfigDepth) + strings.Repeat("]", MaxConfigDepth) + `}`, "config"},
		{"config", `{"limits":{"max":[0,18446744073709551616]}}`, "config.limits.max[1]"},
		{"config", `{"a":-9223372036854775809}`, "config.a"}, {"config", `{"a":1e999}`, "config.a"},
		{"config", `{"a":1,"a":2}`, "config.a"}, {"config", `{"a":[":\"",{"b":{},"\u0062":{}}]}`, "config.a[1].b"},
		{"ttl", `"soon"`, "ttl"}, {"ttl", `"30"`, "ttl"}, {"ttl", `1.5`, "ttl"}, {"ttl", `true`, "ttl"}, {"ttl", `{}`, "ttl"},
		{"ttl", `999`, "ttl"}, {"ttl", `-1`, "ttl"}, {"ttl", `"-1s"`, "ttl"}, {"ttl", `"999ms"`, "ttl"},
		{"ttl", `31536000001`, "ttl"}, {"ttl", `"8760h1ns"`, "ttl"}, {"ttl", `9223372036854775807`, "ttl"}, {"ttl", `18446744073709551615`, "ttl"},
		{"status", `"running"`, "status"}, {"status", `1`, "status"},
		{"placement", `"node-1"`, "placement"}, {"placement", `{"node":1}`, "placement.node"}, {"placement", `{"node":"a/b"}`, "placement.node"},
		{"placement", `{"node":` + str(session.MaxNodeID+1) + `}`, "placement.node"},
		{"placement", `{"zone":"a b"}`, "placement.zone"}, {"placement", `{"region":"eu"}`, "placement.region"},
		{"durability", `"none"`, "durability"}, {"durability", `1`, "durability"},
		{"Type", `"t"`, "Type"}, {"extra", `1`, "extra"}, {"", `1`, ""},
	} {
		_, err := decode(with(c.member, c.value))
		var invalid *session.InvalidError
		require.ErrorAs(t, err, &invalid, "%s %.80s", c.member, c.value)
		requireDescribed(t, "SessionDraft", with(c.member, c.value), err)
		require.Equal(t, c.field, invalid.Field, "%s %.80s", c.member, c.value)
	}
}

func TestDraftConfigTooLarge(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	p := call(t, h, "POST /v1/sessions", with("config", `{"a":`+str(session.MaxConfig-len(`{"a":""}`)+1)+`}`)).
		problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, session.MaxConfig+1, p["used"])
	require.EqualValues(t, session.MaxConfig, p["limit"])
}

func TestDraftFieldsOfTheFleet(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for _, member := range served {
		p := call(t, h, "POST /v1/sessions", with(member, `1`)).invalid(member)
		require.Contains(t, p["detail"], "set by the fleet")
		p = call(t, h, "PATCH /v1/sessions/"+someID, fmt.Sprintf(`{%q:1}`, member)).invalid(member)
		require.Contains(t, p["detail"], "set by the fleet")
	}
}

func TestPatchFields(t *testing.T) {
	t.Parallel()
	name, status, v, never, hour := "n", session.Failed, "v", time.Duration(0), time.Hour
	for body, want := range map[string]session.Patch{
		`{}`:                                  {},
		`{"type":"n"}`:                        {Type: &name},
		`{"name":"n"}`:                        {Name: &name},
		`{"workspace":"n"}`:                   {Workspace: &name},
		`{"status":"failed"}`:                 {Status: &status},
		`{"config":null}`:                     {ConfigSet: true},
		`{"config":{"a":null,"b":{"c":1}}}`:   {Config: map[string]any{"a": nil, "b": map[string]any{"c": int64(1)}}},
		`{"labels":null}`:                     {LabelsSet: true},
		`{"labels":{"gone":null,"kept":"v"}}`: {Labels: map[string]*string{"gone": nil, "kept": &v}},
		`{"ttl":null}`:                        {TTL: &never},
		`{"ttl":0}`:                           {TTL: &never},
		`{"ttl":"1h"}`:                        {TTL: &hour},
		`{"ttl":3600000}`:                     {TTL: &hour},
	} {
		members, err := parseObject([]byte(body))
		require.NoError(t, err)
		got, err := decodePatch(members)
		require.NoError(t, err, body)
		require.Equal(t, want, got, body)
	}
}

func TestPatchFieldsRefused(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	for body, field := range map[string]string{
		`{"type":null}`: "type", `{"name":null}`: "name", `{"workspace":null}`: "workspace", `{"status":null}`: "status",
		`{"type":""}`: "type", `{"name":3}`: "name", `{"workspace":""}`: "workspace", `{"status":"gone"}`: "status", `{"status":""}`: "status",
		`{"config":[]}`: "config", `{"labels":[]}`: "labels", `{"labels":{"a":1}}`: "labels.a", `{"labels":{"a b":"v"}}`: "labels key",
		`{"labels":` + labels(session.MaxLabels+1) + `}`: "labels", `{"config":` + nested(MaxConfigDepth+1) + `}`: "config",
		`{"ttl":"x"}`: "ttl", `{"ttl":"1ms"}`: "ttl", `{"ttl":-5}`: "ttl",
		`{"placement":{}}`: "placement", `{"durability":"acked"}`: "durability", `{"nmae":"x"}`: "nmae",
		`null`: "body", `[]`: "body", `"x"`: "body", `{} {}`: "body", `{"a":1`: "body",
	} {
		call(t, h, "PATCH /v1/sessions/"+someID, body).invalid(field)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	printOf := func(body string) string {
		members, err := parseObject([]byte(body))
		require.NoError(t, err)
		f, err := fingerprint(members)
		require.NoError(t, err)
		return f
	}
	same := printOf(`{"type":"t","config":{"a":1,"b":[2]}}`)
	require.Equal(t, same, printOf("{ \"config\" : {\"b\":[2],\r\n\"a\":1}, \"type\":\"\\u0074\" }"))
	for _, other := range []string{`{"type":"t","config":{"a":1,"b":[3]}}`, `{"type":"t"}`, `{"type":"t","config":{"a":"1","b":[2]}}`} {
		require.NotEqual(t, same, printOf(other))
	}
}

// FuzzDecodeDraft holds that whatever is sent, the decoder refuses it with an error of the caller's or accepts a draft that
// is valid and comes out the same from what it was read from.
func FuzzDecodeDraft(f *testing.F) {
	for _, seed := range []string{
		minimal, with("ttl", `"30m"`), with("ttl", "1800000"), with("config", `{"a":[1,-0,1e3,18446744073709551615,null,{"b":""}]}`),
		with("labels", `{"a":"b"}`), with("placement", `{"node":"n","zone":"z"}`), with("config", nested(33)),
		`{"type":1,"type":2}`, `{"a:":":\\\":","b":[{"a":{"x":1,"x":2}}]}`, `[]`, `{`, ``, `{"a":1,}`, `{"a" 1}`, `[1,]`, "{\"a\":\"\xff\"}", `{"type":"t"}x`, "nul", `{"é":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := parseObject(body)
		if err != nil {
			requireCallersFault(t, err)
			return
		}
		require.True(t, json.Valid(body), "accepted what is not JSON")
		require.True(t, jsontext.Value(body).IsValid(), "accepted a member given twice")
		require.Equal(t, reference(t, body), members)
		before := maps.Clone(members)
		d, err := decodeDraft(members)
		if err != nil {
			requireCallersFault(t, err)
			return
		}
		require.Equal(t, before, members, "the decoder changed what it read")
		require.NoError(t, d.Validate())
		text, err := json.Marshal(members)
		require.NoError(t, err)
		again, err := decode(string(text))
		require.NoError(t, err)
		// A float with an integer's value comes back as an integer; all else is compared as JSON.
		want, err := json.Marshal(d)
		require.NoError(t, err)
		got, err := json.Marshal(again)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	})
}

// reference is what encoding/json reads, with numbers as ours are.
func reference(t *testing.T, body []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v))
	v, ok := numbers(v)
	require.True(t, ok)
	return v
}

func FuzzDecodePatch(f *testing.F) {
	for _, seed := range []string{`{}`, `{"config":null}`, `{"labels":{"a":null}}`, `{"ttl":null}`, `{"status":"idle"}`, `{"type":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := parseObject(body)
		if err == nil {
			_, err = decodePatch(members)
		}
		if err != nil {
			requireCallersFault(t, err)
		}
	})
}

func requireCallersFault(t *testing.T, err error) {
	t.Helper()
	var invalid *session.InvalidError
	var large *session.TooLargeError
	require.True(t, errors.As(err, &invalid) || errors.As(err, &large), "%T: %v", err, err)
}
