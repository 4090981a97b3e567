package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

// planned is what is described and not offered yet: a route, or a route and one of its query parameters. What is offered must not be here.
var planned = []string{}

func documented(t *testing.T) (*api, *contract) {
	t.Helper()
	c, err := theContract()
	require.NoError(t, err)
	return handlerOf(t, config(&fake{})).(*api), c
}

// Every route is described with its methods and its query parameters, and nothing else is.
func TestSpecDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	a, c := documented(t)
	described := map[string]described{}
	for _, d := range descriptions() {
		require.NotContains(t, described, d.route, "is described twice")
		described[d.route] = d
	}
	var offered, shown []string
	for _, r := range a.mounted {
		where := r.method + " " + r.path
		offered = append(offered, where)
		d, ok := described[where]
		if !ok {
			t.Errorf("%s is mounted and not described: add it to the file spec*.go of its subject (described, in spec.go, says how)", where)
			continue
		}
		knows := slices.Concat(r.one, r.many)
		for _, p := range d.params {
			is := slices.Contains(knows, p.Name)
			if p.In != openapi.InQuery {
				continue
			}
			if waits := slices.Contains(planned, where+" "+p.Name); is == waits {
				t.Errorf("%s: the query parameter %s is described, offered: %v, planned (spec_test.go): %v", where, p.Name, is, waits)
			}
			require.Equal(t, slices.Contains(r.many, p.Name), is && p.Schema.Type == "array", "%s: %s: an array is one that may be repeated", where, p.Name)
			knows = slices.DeleteFunc(knows, func(name string) bool { return name == p.Name })
		}
		if len(knows) > 0 {
			t.Errorf("%s knows the query parameters %v, which its description (spec*.go) does not tell", where, knows)
		}
	}
	for where := range described {
		if slices.Contains(offered, where) == slices.Contains(planned, where) {
			t.Errorf("%s is described, offered: %v, planned (spec_test.go): %v", where, slices.Contains(offered, where), slices.Contains(planned, where))
		}
	}
	for _, op := range c.document.Operations() {
		shown = append(shown, op.Method+" "+op.Path)
	}
	require.ElementsMatch(t, offered, shown)
	require.ElementsMatch(t, shown, ginRoutes(t))
}

// ginRoutes are the routes as the router has them, those for HEAD beside GET left out.
func ginRoutes(t *testing.T) (all []string) {
	t.Helper()
	h, err := New(config(&fake{}))
	require.NoError(t, err)
	for _, r := range h.(*api).engine.(*gin.Engine).Routes() {
		if r.Method != http.MethodHead {
			all = append(all, r.Method+" "+strings.ReplaceAll(r.Path, ":id", "{id}"))
		}
	}
	return all
}

// wholeContract is the contract with what is planned in it.
func wholeContract(t *testing.T) *contract {
	t.Helper()
	var operations []*openapi.Operation
	for _, d := range descriptions() {
		r := route{}
		r.method, r.path, _ = strings.Cut(d.route, " ")
		for _, p := range d.params {
			if p.In == openapi.InQuery {
				r.one = append(r.one, p.Name)
			}
		}
		d.problems = slices.DeleteFunc(slices.Clone(d.problems), func(code string) bool { // which come with their route
			return !slices.ContainsFunc(kinds, func(k kind) bool { return k.code == code })
		})
		op, err := d.operation(r)
		require.NoError(t, err)
		operations = append(operations, op)
	}
	d, err := openapi.New(openapi.Info{Title: "whole", Version: "1"}, specTags, operations, specComponents())
	require.NoError(t, err)
	c, err := newContract(d)
	require.NoError(t, err)
	return c
}

// Every body and every success has an example, and all of them are as described. Every schema is one.
func TestSpecExamples(t *testing.T) {
	t.Parallel()
	c := wholeContract(t)
	for _, s := range c.document.Components.Schemas {
		compiled, err := c.schema("components", "schemas", s.Name)
		require.NoError(t, err, s.Name)
		for _, example := range s.Value.Examples {
			require.NoError(t, compiled.Validate(asJSON(t, example)), s.Name)
		}
	}
	hold := func(forms openapi.Forms, path ...string) {
		for _, form := range forms {
			at := append(slices.Clone(path), "content", form.Name, "schema")
			_, err := c.schema(at...)
			require.NoError(t, err, at)
			if form.Value.Example != nil {
				require.NoError(t, c.admits(asJSON(t, form.Value.Example), at...), at)
			} else if strings.HasSuffix(form.Name, "json") && form.Name != typeProblem && form.Name != typeNDJSON && path[1] != "/openapi.json" {
				t.Errorf("%v has no example", at)
			}
			for _, event := range form.Value.Events {
				require.Error(t, c.admitsAs(unreadable{}, event.Value))
			}
		}
	}
	for _, op := range c.document.Operations() {
		path := []string{"paths", op.Path, strings.ToLower(op.Method)}
		for i, p := range op.Parameters {
			if p.Ref == "" {
				_, err := c.schema(append(slices.Clone(path), "parameters", strconv.Itoa(i), "schema")...)
				require.NoError(t, err, "%v %s", path, p.Name)
			}
		}
		if op.Body != nil {
			hold(op.Body.Content, append(slices.Clone(path), "requestBody")...)
		}
		for _, answer := range op.Responses {
			hold(answer.Value.Content, append(slices.Clone(path), "responses", answer.Name)...)
		}
	}
}

func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	return tree
}

// requireDescribed holds that a schema admits what the code takes (err is nil), and nothing that it refuses for a reason that a schema can tell.
func requireDescribed(t *testing.T, schema, text string, err error) {
	t.Helper()
	c, broken := theContract()
	require.NoError(t, broken)
	switch why := c.admitsJSON([]byte(text), "components", "schemas", schema); {
	case err == nil:
		require.NoError(t, why, "%.200s is taken, and not as described", text)
	case why == nil && !beyond.MatchString(err.Error()):
		t.Errorf("%.200s is as described, and refused: %v", text, err)
	}
}

// The document is one by the schema that the OpenAPI Initiative publishes, and a library that others build on finds all that it refers to.
func TestSpecIsValid(t *testing.T) {
	t.Parallel()
	_, current := documented(t)
	official, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	require.NoError(t, err)
	const at = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource(at, official))
	meta, err := compiler.Compile(at)
	require.NoError(t, err)
	for _, c := range []*contract{current, wholeContract(t)} {
		text, err := c.document.JSON()
		require.NoError(t, err)
		tree, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		require.NoError(t, err)
		require.NoError(t, meta.Validate(tree))
		tree.(map[string]any)["servers"] = 7
		require.Error(t, meta.Validate(tree))

		parsed, err := libopenapi.NewDocument(text)
		require.NoError(t, err)
		require.Equal(t, "3.1.0", parsed.GetVersion())
		model, err := parsed.BuildV3Model()
		require.NoError(t, err)
		require.Equal(t, len(c.document.Paths), model.Model.Paths.PathItems.Len())
		ids := map[string]bool{}
		for _, op := range c.document.Operations() {
			require.False(t, ids[op.ID], "two operations are named %s", op.ID)
			ids[op.ID] = true
		}
	}
}

// Every problem that the code knows has its schema, with the members that it may have.
func TestSpecHasEveryProblem(t *testing.T) {
	t.Parallel()
	var known, listed []string
	for _, k := range kinds {
		known = append(known, k.code)
	}
	require.ElementsMatch(t, kindsInSource(t), known, "kinds, in problem.go, lists every kind")
	members := map[string]bool{"type": true, "title": true, "status": true, "detail": true, "code": true, "requestId": true}
	for _, code := range known {
		for _, p := range openapi.Object(problemMembers[code]...).Properties {
			members[p.Name] = true
		}
	}
	for field := range reflect.TypeFor[problem]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && !members[name] {
			t.Errorf("the member %s of problems is not described: add it to problemMembers in specproblems.go", name)
		}
	}
	for _, d := range descriptions() {
		listed = append(listed, d.problems...)
	}
	for _, code := range known {
		if code != internalError.code && code != notFound.code && code != methodNotAllowed.code && !slices.Contains(listed, code) {
			t.Errorf("no route lists the problem %s: add it where it can occur (spec*.go)", code)
		}
	}
}

// kindsInSource are the codes of every kind that is written in this package.
func kindsInSource(t *testing.T) (codes []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok || len(literal.Elts) == 0 {
				return true
			}
			if is, ok := literal.Type.(*ast.Ident); ok && is.Name == "kind" {
				code, err := strconv.Unquote(literal.Elts[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				codes = append(codes, code)
			}
			return true
		})
	}
	return codes
}

// failures are what a use case answers for each problem that comes of one.
var failures = map[string]error{
	"store-unavailable":    &session.UnavailableError{Reason: "redis does not answer"},
	"session-not-found":    session.ErrNotFound,
	"node-not-found":       session.ErrNodeNotFound,
	"watcher-not-found":    session.ErrWatcherNotFound,
	"context-not-found":    session.ErrContextNotFound,
	"cursor-gone":          &session.CursorGoneError{Oldest: session.MessageID{Position: 7}},
	"stale-epoch":          &session.StaleEpochError{Given: 1, Current: 4, Owner: "node-2"},
	"lease-held":           &session.HeldError{Holder: session.Holder{Node: "node-3"}, Epoch: 5, For: 1},
	"version-mismatch":     &session.VersionMismatchError{Given: sampleETag, Current: "1.2.b"},
	"idempotency-mismatch": session.ErrIdempotencyMismatch,
	"rate-limited":         &session.LimitError{Thing: "followers", Used: 16, Limit: 16},
	"unreadable-record":    &session.CorruptError{Key: "orch:{p0}:session:x", Reason: "unknown format 9"},
	"no-capacity":          &session.NoCapacityError{Used: 3, Limit: 3, Nodes: []session.PassedOver{{Node: "node-1", Reason: "full"}}},
	"draining":             session.ErrDraining,
	"too-large":            &session.TooLargeError{Thing: "record", Used: 9, Limit: 8},
	"internal":             errors.New("unforeseen"),
}

// Every problem that an operation lists can be had from it, in the form that is described: the handler under test checks that.
func TestSpecProblemsCanBeHad(t *testing.T) {
	t.Parallel()
	_, c := documented(t)
	for _, d := range descriptions() {
		method, path, _ := strings.Cut(d.route, " ")
		op, _ := c.find(method, path)
		if op == nil || op.Path != path {
			continue
		}
		for _, code := range d.problems {
			if r := provoked(t, op, code); r.status < 400 || !strings.Contains(r.body, `"code":"`+code+`"`) {
				t.Errorf("%s lists the problem %s, and answers %d %s", d.route, code, r.status, r.body)
			}
		}
	}
}

// How many streams there may be stands with each route that has any, and with its answer to one too many, as the node is configured.
func TestSpecTellsTheLimitsOfStreams(t *testing.T) {
	t.Parallel()
	cfg := config(&fake{})
	cfg.MaxStreamsPerClient, cfg.MaxSessions = 77, 500
	h := handlerOf(t, cfg).(*api)
	d, err := h.document()
	require.NoError(t, err)
	c, err := newContract(d)
	require.NoError(t, err)
	ofNode := map[string]string{"/v1/sessions/{id}/messages": "at most 1000 streams of messages at a time, and 1500 more to processes on its own machine",
		"/v1/events": "at most 256 streams of events at a time", "/v1/nodes/{id}/assignments": "at most 16 streams of its assignments at a time"}
	for _, r := range h.mounted {
		if r.follow == nil {
			continue
		}
		op, _ := c.find(r.method, r.path)
		require.Contains(t, ofNode, r.path)
		tooMany := op.Responses[slices.IndexFunc(op.Responses, func(m openapi.Member[*openapi.Response]) bool { return m.Name == "429" })].Value
		for _, text := range []string{op.Description, tooMany.Description} {
			require.Contains(t, text, ofNode[r.path])
			require.Contains(t, text, "77 streams on a node")
			require.Contains(t, text, "within 10 s")
		}
		require.True(t, slices.ContainsFunc(tooMany.Headers, func(h openapi.NamedHeader) bool { return h.Name == "Retry-After" && h.Value.Required }))
	}
}

// provoked is the answer to a request that is to end in a problem.
func provoked(t *testing.T, op *openapi.Operation, code string) response {
	t.Helper()
	id := someID
	if strings.HasPrefix(op.Path, "/v1/nodes") {
		id = "node-1"
	}
	f := conforming()
	cfg := config(f)
	target, body, headers := op.Path, "", []string(nil)
	if op.Body != nil {
		example, err := json.Marshal(op.Body.Content[0].Value.Example)
		require.NoError(t, err)
		body, headers = string(example), []string{"Content-Type", strings.ReplaceAll(op.Body.Content[0].Name, "*/*", "text/plain")}
	}
	switch code {
	case "invalid-request":
		target += "?nope=1"
	case "unsupported-media-type":
		body, headers = "a=b", []string{"Content-Type", "application/x-www-form-urlencoded", "Content-Encoding", "gzip"}
	case "wrong-node":
		id, headers = "node-2", append(headers, "Accept", "text/event-stream")
	default:
		if code == "too-large" && op.Body != nil {
			body = strings.Repeat(" ", MaxBatchBody+1)
			break
		}
		require.Contains(t, failures, code, "say in failures which error of a use case becomes this problem")
		f.fail(failures[code])
		cfg.Board = failingBoard{cfg.Board, failures[code]}
	}
	h := handlerOf(t, cfg)
	return call(t, h, op.Method+" "+strings.ReplaceAll(target, "{id}", id), body, headers...)
}

func TestDocument(t *testing.T) {
	t.Parallel()
	h, _ := documented(t)
	for _, path := range []string{"/openapi.json", "/docs"} {
		r := call(t, h, "GET "+path, "")
		require.Equal(t, http.StatusOK, r.status)
		require.Equal(t, "no-cache", r.header.Get("Cache-Control"))
		tag := r.header.Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
		again := call(t, h, "GET "+path, "", "If-None-Match", "W/"+tag)
		require.Equal(t, http.StatusNotModified, again.status)
		require.Empty(t, again.body)
		require.Equal(t, tag, again.header.Get("ETag"))
		head := call(t, h, "HEAD "+path, "")
		require.Equal(t, http.StatusOK, head.status)
		require.Equal(t, strconv.Itoa(len(r.body)), head.header.Get("Content-Length"))
		require.Empty(t, head.body)
		call(t, h, "GET "+path, "", "If-None-Match", "bare").invalid("If-None-Match")
	}
	v := call(t, h, "GET /openapi.json", "").ok(http.StatusOK)
	require.Equal(t, "3.1.0", v["openapi"])
	require.Equal(t, "1.2.3", v["info"].(map[string]any)["version"])
	require.Equal(t, []any{map[string]any{"url": "/"}}, v["servers"])
}

// The page has every route under an anchor of its own, leads nowhere else, and runs nothing.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	h, c := documented(t)
	r := call(t, h, "GET /docs", "")
	require.Equal(t, "text/html; charset=utf-8", r.header.Get("Content-Type"))
	require.Contains(t, r.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotRegexp(t, `<script|<link|<img|<iframe|@import|url\(|style="|\son[a-z]+="|javascript:`, r.body)
	for _, m := range regexp.MustCompile(`(?:href|action|src)="([^"]*)"`).FindAllStringSubmatch(r.body, -1) {
		anchor, inside := strings.CutPrefix(m[1], "#")
		if !inside {
			require.Contains(t, []string{"/docs", "/openapi.json"}, m[1])
			continue
		}
		require.Equal(t, 1, strings.Count(r.body, ` id="`+anchor+`"`), anchor)
	}
	for _, op := range c.document.Operations() {
		require.Contains(t, r.body, `<article id="`+op.ID+`">`)
	}
	require.NotContains(t, r.body, "ZgotmplZ")

	found := call(t, h, "GET /docs?q=Drain+DEADLINE", "").body
	require.Contains(t, found, `<article id="drainNode">`)
	require.NotContains(t, found, `<article id="listSessions">`)
	require.Contains(t, call(t, h, "GET /docs?q=%3Cb%3E%22", "").body, `value="&lt;b&gt;&#34;"`)
	require.Contains(t, call(t, h, "GET /docs?q=%3Cb%3E%22", "").body, "Nothing holds these words")
	require.Equal(t, http.StatusOK, call(t, h, "GET /docs?q="+strings.Repeat("%C3%A9", maxSearch), "").status)
	call(t, h, "GET /docs?q="+strings.Repeat("%C3%A9", maxSearch+1), "").invalid("q")
}

// A handler that departs from the description is found out: a negative control of the check itself.
func TestSpecCheckFinds(t *testing.T) {
	t.Parallel()
	_, c := documented(t)
	good := `{"id":"` + someID + `","type":"t","name":"n","workspace":"/w","config":{},"labels":{},"status":"idle","owner":"node-1","epoch":3,"version":7,` +
		`"copies":1,"createdAt":"2026-03-04T04:06:07.089Z","updatedAt":"2026-03-04T04:06:07.089Z"}`
	header := http.Header{"Content-Type": {typeJSON}, "Etag": {sampleETag}, "Session-Epoch": {"3"}, "X-Request-Id": {"x"}, "X-Orchestrator-Node": {"node-1"}}
	one := "/v1/sessions/" + someID
	for name, bad := range map[string]func(x *exchange){
		"":                       func(*exchange) {},
		"a member more":          func(x *exchange) { x.body = []byte(strings.Replace(good, `{"id"`, `{"more":1,"id"`, 1)) },
		"a member less":          func(x *exchange) { x.body = []byte(strings.Replace(good, `"owner":"node-1",`, "", 1)) },
		"another type":           func(x *exchange) { x.body = []byte(strings.Replace(good, `"epoch":3`, `"epoch":"3"`, 1)) },
		"no time":                func(x *exchange) { x.body = []byte(strings.Replace(good, "2026-03-04T04:06:07.089Z", "yesterday", 1)) },
		"another status":         func(x *exchange) { x.status = http.StatusAccepted },
		"a header more":          func(x *exchange) { x.header.Set("X-More", "1") },
		"a header less":          func(x *exchange) { x.header.Del("ETag") },
		"another form":           func(x *exchange) { x.header.Set("Content-Type", "text/csv") },
		"a parameter more":       func(x *exchange) { x.URL.RawQuery = "more=1" },
		"a parameter wrong":      func(x *exchange) { x.URL.RawQuery = "consistency=none" },
		"a condition more":       func(x *exchange) { x.Request.Header.Set("If-Match", sampleETag) },
		"a condition wrong":      func(x *exchange) { x.Request.Header.Set("If-None-Match", "bare") },
		"an id wrong":            func(x *exchange) { x.URL.Path = "/v1/sessions/x" },
		"a route more":           func(x *exchange) { x.URL.Path = "/v1/more" },
		"a problem not listed":   func(x *exchange) { x.answer(noCapacity) },
		"a problem that is none": func(x *exchange) { x.answer(sessionNotFound); x.body = []byte(`{}`) },
		"refused for nothing":    func(x *exchange) { x.answer(invalidRequest) },
	} {
		x := &exchange{Request: httptest.NewRequestWithContext(t.Context(), "GET", one, nil), whole: true, status: 200, header: header.Clone(), body: []byte(good)}
		bad(x)
		if err := c.check(x, false); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func (x *exchange) answer(k kind) {
	p := k.because("odd")
	p.RequestID = "x"
	x.status = k.status
	x.header = http.Header{"Content-Type": {typeProblem}, "X-Request-Id": {"x"}, "X-Orchestrator-Node": {"node-1"}, "Retry-After": {"1"}}
	if k.status < 500 {
		x.header.Del("Retry-After")
	}
	x.body = fmt.Append(nil, string(must(json.Marshal(p))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
