package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"orchestrator/internal/openapi"
)

// contract is the document at /openapi.json, to which every exchange of this package's tests is held.
type contract struct {
	document *openapi.Document
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

const contractURL = "https://orchestrator.invalid/openapi.json"

// newContract takes a document by what it says as JSON, which is what others read.
func newContract(d *openapi.Document) (*contract, error) {
	text, err := d.JSON()
	if err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := &contract{document: d, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(contractURL, tree)
}

var theContract = sync.OnceValues(func() (*contract, error) {
	h, err := New(config(&fake{}))
	if err != nil {
		return nil, err
	}
	m, err := h.(*api).manual()
	if err != nil {
		return nil, err
	}
	return newContract(m.document)
})

// schema returns the schema at a place in the document, given by the names that lead to it.
func (c *contract) schema(path ...string) (*jsonschema.Schema, error) {
	pointer := ""
	for _, name := range path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(contractURL + "#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	if err != nil {
		return nil, err
	}
	c.compiled[pointer] = s
	return s, nil
}

// admits returns why the schema at path does not admit v, or nil.
func (c *contract) admits(v any, path ...string) error {
	s, err := c.schema(path...)
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// admitsAs is admits for a schema that is a value; it must be one of those in the document that have a name, or be written out.
func (c *contract) admitsAs(v any, s *openapi.Schema) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	key := "inline " + string(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	compiled := c.compiled[key]
	if compiled == nil {
		tree, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.ReplaceAll(string(text), `"#/`, `"`+contractURL+`#/`)))
		if err != nil {
			return err
		}
		at := fmt.Sprintf("%s/inline/%d", contractURL, len(c.compiled))
		if err := c.compiler.AddResource(at, tree); err != nil {
			return err
		}
		if compiled, err = c.compiler.Compile(at); err != nil {
			return err
		}
		c.compiled[key] = compiled
	}
	return compiled.Validate(v)
}

// find returns the operation that a request asks for, with what its path names; nil where none is described.
func (c *contract) find(method, path string) (op *openapi.Operation, id string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, candidate := range c.document.Operations() {
		if candidate.Method != method {
			continue
		}
		if candidate.Path == path {
			return candidate, ""
		}
		before, after, ok := strings.Cut(candidate.Path, "{id}")
		rest, fits := strings.CutPrefix(path, before)
		rest, ends := strings.CutSuffix(rest, after)
		if ok && fits && ends && rest != "" && !strings.Contains(rest, "/") {
			op, id = candidate, rest
		}
	}
	return op, id
}

// exchange is one request and its answer.
type exchange struct {
	*http.Request
	sent   []byte
	whole  bool // sent is all that there was to send
	status int
	header http.Header
	body   []byte
	cut    bool // body is not all that was answered
}

// beyond are the reasons for which a request is refused that a schema cannot tell.
var beyond = regexp.MustCompile(strings.Join([]string{
	`is given (twice|more than once)`,                                             // JSON Schema sees one of them
	`nests deeper than`,                                                           // it does not count levels
	`does not fit in 64 bits|out of a 64-bit`,                                     // numbers in config
	`must be between|must be more than nothing`,                                   // durations that are text
	`must be a duration such as`,                                                  // those of more than 64 bits
	`must be valid UTF-8|is not valid JSON`,                                       // encoding/json mends what is not UTF-8
	`asks for two values of`,                                                      // labels
	`labels wants|has more than \d+ requirements|has \d+ requirements`,            // the grammar of a selector, beside label
	`names \d+ values, at most|"detail":"(labels?|owner) [^"]*(at most|1 to) \d+`, // what stands between commas
	`"detail":"cursor `,                                                           // what is in a cursor
	`is for pages: a stream has no end`,                                           // a parameter that does not go with a header
	`is not offered with dryRun`,                                                  // a header that goes with another parameter
	`could not be read to its end`,                                                // a body that breaks off
	`must be the id of`,
	`printable ASCII characters`,
	`\.\.\.",`, // the reason is cut off
}, "|"))

// check returns what the contract does not say of an exchange, or what it says otherwise. Where anyProblem is set, problems need not be listed
// with their operation.
func (c *contract) check(x *exchange, anyProblem bool) error {
	if x.status == statusClientGone {
		return nil
	}
	op, id := c.find(x.Method, x.URL.Path)
	if op == nil {
		return c.checkUndescribed(x)
	}
	path := []string{"paths", op.Path, strings.ToLower(op.Method)}
	if err := c.checkAnswer(x, op, path, anyProblem); err != nil {
		return fmt.Errorf("the answer %d %s: %w", x.status, clip(string(x.body)), err)
	}
	err := c.checkRequest(x, op, id, path)
	switch {
	case x.status == http.StatusRequestEntityTooLarge, x.status == http.StatusUnsupportedMediaType, !x.whole, anyProblem:
		return nil
	case x.status != http.StatusBadRequest:
		if err != nil {
			return fmt.Errorf("the request was taken, and is not as described: %w", err)
		}
	case err == nil && !beyond.Match(x.body):
		return fmt.Errorf("the request was refused, and is as described: %s", x.body)
	}
	return nil
}

func (c *contract) checkUndescribed(x *exchange) error {
	k := notFound
	if x.status == http.StatusMethodNotAllowed {
		k = methodNotAllowed
	}
	if x.status != k.status {
		return fmt.Errorf("answered %d, and no operation is described", x.status)
	}
	if x.Method == http.MethodHead {
		return nil
	}
	return c.admitsJSON(x.body, "components", "schemas", problemSchema(k.code))
}

func (c *contract) admitsJSON(text []byte, path ...string) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return c.admits(v, path...)
}

// fromPacked is a document in MessagePack as the same in JSON is read. It is read by the code that is tested, for the library believes
// hostile lengths; what that code cannot read is not as described.
func fromPacked(text []byte) (any, error) {
	src, err := newMsgpack(text, MaxBatchBody)
	if err != nil {
		return nil, err
	}
	v, err := values{src, aroundData}.next(0)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(plain))
}

// mediaType is a Content-Type without its parameters, MessagePack by the name that is described.
func mediaType(h http.Header) string {
	name, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if packed(name) {
		return typesMsgpack[0]
	}
	return name
}

func (c *contract) checkRequest(x *exchange, op *openapi.Operation, id string, path []string) error {
	values, err := url.ParseQuery(x.URL.RawQuery)
	if err != nil {
		return err
	}
	for i, p := range op.Parameters {
		if p.Ref != "" {
			continue
		}
		var given []string
		switch p.In {
		case openapi.InPath:
			given = []string{id}
		case openapi.InQuery:
			given = values[p.Name]
			delete(values, p.Name)
		case openapi.InHeader:
			if all := x.Header.Values(p.Name); len(all) > 0 {
				given = []string{strings.Join(all, ",")}
			}
		}
		if given == nil {
			continue
		}
		v, err := parameterValue(c.resolved(p.Schema), given)
		if err == nil {
			err = c.admits(v, append(slices.Clone(path), "parameters", fmt.Sprint(i), "schema")...)
		}
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	if len(values) > 0 {
		return fmt.Errorf("query parameters %v are not described", sortedKeys(values))
	}
	for _, name := range []string{"If-Match", "If-None-Match", epochHeader, idempotencyHeader, "Last-Event-ID"} {
		if len(x.Header.Values(name)) > 0 && !slices.ContainsFunc(op.Parameters, func(p *openapi.Parameter) bool { return p.Name == name }) {
			return fmt.Errorf("the header %s is not described", name)
		}
	}
	return c.checkBody(x, op, path)
}

func (c *contract) resolved(s *openapi.Schema) *openapi.Schema {
	for s.Ref != "" {
		s = c.document.Components.Schemas.Get(openapi.Referred(s.Ref))
	}
	return s
}

// parameterValue reads a parameter as its schema wants it: text otherwise.
func parameterValue(s *openapi.Schema, given []string) (any, error) {
	if s.Type == "array" {
		all := make([]any, len(given))
		for i, text := range given {
			all[i] = text
		}
		return all, nil
	}
	if len(given) > 1 {
		return nil, errors.New("is given more than once")
	}
	if s.Type == "string" {
		return given[0], nil
	}
	if s.Type == "boolean" && (given[0] == "true" || given[0] == "false") {
		return given[0] == "true", nil
	}
	return strconv.ParseInt(given[0], 10, 64)
}

func (c *contract) checkBody(x *exchange, op *openapi.Operation, path []string) error {
	if op.Body == nil {
		return nil
	}
	if len(bytes.TrimSpace(x.sent)) == 0 {
		if op.Body.Required {
			return errors.New("it has no body")
		}
		return nil
	}
	kind := mediaType(x.Request.Header)
	form := op.Body.Content.Get(kind)
	if form == nil {
		if form = op.Body.Content.Get("*/*"); form != nil {
			return nil
		}
		return fmt.Errorf("bodies of %s are not described", kind)
	}
	v, err := readForm(kind, x.sent)
	var item *memberError
	switch {
	case errors.As(err, &item) && x.status == http.StatusOK && kind == typesMsgpack[0]:
		return nil // an item of a batch, which is refused alone
	case err != nil:
		return err
	}
	if lines, ok := v.([]any); ok && form.Lines != nil {
		v = map[string]any{"sessions": lines}
		path, kind = slices.Clone(path), typeJSON
	}
	if op.Path == "/v1/sessions/batch" && x.status == http.StatusOK {
		if v, err = c.taken(v, x); err != nil || v == nil {
			return err
		}
	}
	return c.admits(v, append(slices.Clone(path), "requestBody", "content", kind, "schema")...)
}

// unreadable stands for a line that is no JSON: no schema admits it.
type unreadable struct{}

func readForm(kind string, text []byte) (any, error) {
	switch kind {
	case typesMsgpack[0]:
		return fromPacked(text)
	case typeNDJSON:
		all := []any{}
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				v = unreadable{}
			}
			all = append(all, v)
		}
		return all, nil
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// taken returns a batch without the items that were refused, nil where that is all of them. Those that were refused as invalid must not be as
// described.
func (c *contract) taken(batch any, x *exchange) (any, error) {
	answer, err := readForm(mediaType(x.header), x.body)
	if err != nil {
		return nil, err
	}
	items, _ := batch.(map[string]any)["sessions"].([]any)
	results := answer.(map[string]any)["results"].([]any)
	if len(items) != len(results) {
		return nil, fmt.Errorf("%d items, %d results", len(items), len(results))
	}
	var good []any
	for i, item := range items {
		told, _ := json.Marshal(results[i])
		switch status := fmt.Sprint(results[i].(map[string]any)["status"]); status {
		case "400":
			if _, broken := item.(unreadable); !broken && c.admits(item, "components", "schemas", "SessionDraft") == nil && !beyond.Match(told) {
				return nil, fmt.Errorf("item %d was refused, and is as described: %s", i, told)
			}
		case "413":
		default:
			good = append(good, item)
		}
	}
	if good == nil {
		return nil, nil
	}
	return map[string]any{"sessions": good}, nil
}

// unsaid are the headers that answers have for reasons of HTTP alone.
var unsaid = []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Vary", "Date", "Connection"}

func (c *contract) checkAnswer(x *exchange, op *openapi.Operation, path []string, anyProblem bool) error {
	if kind := mediaType(x.header); kind == typeProblem && anyProblem {
		var p problem
		if err := json.Unmarshal(x.body, &p); err != nil {
			return err
		}
		return c.admitsJSON(x.body, "components", "schemas", problemSchema(p.Code))
	}
	answer := op.Responses.Get(fmt.Sprint(x.status))
	if answer == nil {
		return errors.New("its status is not described")
	}
	path = append(slices.Clone(path), "responses", fmt.Sprint(x.status))
	if err := c.checkHeaders(x.header, answer); err != nil {
		return err
	}
	if x.Method == http.MethodHead {
		return nil
	}
	if answer.Content == nil {
		if len(x.body) > 0 {
			return errors.New("its body is not described")
		}
		return nil
	}
	kind := mediaType(x.header)
	form := answer.Content.Get(kind)
	switch {
	case form == nil && answer.Content.Get("*/*") != nil:
		return nil
	case form == nil:
		return fmt.Errorf("its form %q is not described", x.header.Get("Content-Type"))
	case kind == typeEvents:
		return c.checkEvents(x.body, form)
	case form.Lines != nil:
		return c.checkLines(x.body, form)
	case kind == "text/plain", kind == "text/html", kind == "application/openmetrics-text":
		return nil
	}
	v, err := readForm(kind, x.body)
	if err != nil {
		return err
	}
	return c.admits(v, append(path, "content", kind, "schema")...)
}

func (c *contract) checkHeaders(given http.Header, answer *openapi.Response) error {
	known := slices.Clone(unsaid)
	for _, h := range answer.Headers {
		known = append(known, http.CanonicalHeaderKey(h.Name))
		described := h.Value
		if described.Ref != "" {
			described = c.document.Components.Headers.Get(openapi.Referred(described.Ref))
		}
		values := given.Values(h.Name)
		switch {
		case len(values) == 0 && described.Required:
			return fmt.Errorf("it has no header %s", h.Name)
		case len(values) == 0:
			continue
		}
		v, err := parameterValue(c.resolved(described.Schema), values)
		if err == nil {
			err = c.admitsAs(v, described.Schema)
		}
		if err != nil {
			return fmt.Errorf("header %s: %w", h.Name, err)
		}
	}
	for name := range given {
		if !slices.Contains(known, name) {
			return fmt.Errorf("its header %s is not described", name)
		}
	}
	return nil
}

// checkEvents holds every whole event to what is described under its name.
func (c *contract) checkEvents(text []byte, form *openapi.MediaType) error {
	for block := range strings.SplitSeq(string(text[:bytes.LastIndex(text, []byte("\n\n"))+1]), "\n\n") {
		kind, data := "message", ""
		for line := range strings.Lines(block) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "event":
				kind = value
			case "data":
				data += value
			}
		}
		if data == "" {
			continue
		}
		described := form.Events.Get(kind)
		if described == nil {
			return fmt.Errorf("the event %s is not described", kind)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
		if err == nil {
			err = c.admitsAs(v, described)
		}
		if err != nil {
			return fmt.Errorf("the event %s: %w", kind, err)
		}
	}
	return nil
}

func (c *contract) checkLines(text []byte, form *openapi.MediaType) error {
	for line := range bytes.Lines(text[:bytes.LastIndexByte(text, '\n')+1]) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = c.admitsAs(v, form.Lines)
		}
		if err != nil {
			return fmt.Errorf("the line %s: %w", clip(string(line)), err)
		}
	}
	return nil
}

// watched is a handler whose every exchange is held to the contract.
type watched struct {
	t          testing.TB
	next       http.Handler
	anyProblem bool
}

func (w watched) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	c, err := theContract()
	if err != nil {
		w.t.Error(err)
		return
	}
	asked := r.Clone(r.Context())
	sent := &sentBody{ReadCloser: r.Body}
	r.Body = sent
	spy := &spy{ResponseWriter: out, status: http.StatusOK}
	w.next.ServeHTTP(spy, r)
	x := &exchange{Request: asked, status: spy.status, header: out.Header(), body: spy.body.Bytes(), cut: spy.cut}
	if x.status == http.StatusBadRequest {
		_, _ = io.Copy(io.Discard, sent) // which a handler that refuses the rest has not read
	}
	x.sent, x.whole = sent.read.Bytes(), !sent.broken
	if x.cut {
		return
	}
	if err := c.check(x, w.anyProblem); err != nil {
		w.t.Errorf("%s %s is not as /openapi.json describes it (internal/httpapi/spec*.go): %v", r.Method, r.URL, err)
	}
}

// sentBody remembers what was read of a body.
type sentBody struct {
	io.ReadCloser
	read   bytes.Buffer
	broken bool
}

func (s *sentBody) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.read.Write(b[:n])
	s.broken = s.broken || err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// watchedBody bounds what is looked at of an answer, in bytes. Of a stream that is longer, its beginning is looked at.
const watchedBody = 4 << 20

type spy struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	cut    bool
}

func (s *spy) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *spy) Write(b []byte) (int, error) {
	if s.body.Len()+len(b) <= watchedBody {
		s.body.Write(b)
	} else {
		s.cut = true
	}
	return s.ResponseWriter.Write(b)
}

func (s *spy) Unwrap() http.ResponseWriter { return s.ResponseWriter }
