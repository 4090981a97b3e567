package httpapi

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"orchestrator/internal/openapi"
)

// described is what the document at /openapi.json says of one route.
//
// A new route has its description in the spec file of its subject, and that file's list is joined in descriptions. The tests then hold it to
// what the route does: its query parameters are those that the route knows, every request and every answer of this package's tests is as
// described, and what is refused is not. What no description tells, no test may send or see.
type described struct {
	route    string // "METHOD /path", as the route has it
	id       string // a name for programs
	tag      string // one of specTags
	summary  string // some words
	about    string // the rest, paragraphs apart by an empty line
	params   []*openapi.Parameter
	body     *openapi.Body
	answers  openapi.Responses
	problems []string // the codes that it may answer with, beside those of every route

	// streams says how many streams of the route a node serves at once, in words that follow "serves at most"; nil: the route has none.
	streams func(*api) string

	// with holds what else is true where the route knows a query parameter.
	with map[string]func(*described)
}

// descriptions returns all that is described, also what no route offers yet: the document leaves that out.
func descriptions() []described {
	return slices.Concat(sessionRoutes(), messageRoutes(), contextRoutes(), explainRoutes(), nodeRoutes(), assignmentRoutes(), eventRoutes(),
		metricRoutes(), probeRoutes(), selfRoutes(), dashboardRoutes())
}

// specComponents returns what descriptions refer to.
func specComponents() openapi.Components {
	return openapi.Components{
		Schemas: slices.Concat(valueSchemas(), sessionSchemas(), messageSchemas(), explainSchemas(), nodeSchemas(), assignmentSchemas(), eventSchemas(),
			metricSchemas(), probeSchemas(), problemSchemas()),
		Parameters: sharedParameters(),
		Headers:    sharedHeaders(),
	}
}

var specTags = []openapi.Tag{
	{Name: "Sessions", Description: "The unit of work. Every session has exactly one owner at a time and can be read and changed through any node."},
	{Name: "Messages", Description: "What a session and those around it tell one another, in order."},
	{Name: "Context", Description: "Opaque state that a session keeps, versioned by itself."},
	{Name: "Nodes", Description: "The processes of the fleet."},
	{Name: "Assignments", Description: "What a process beside a node is to run."},
	{Name: "Events", Description: "What happened in the fleet."},
	{Name: "Metrics", Description: "Measured numbers."},
	{Name: "Probes", Description: "Whether a node lives and can serve."},
	{Name: "Dashboard", Description: "Pages for people: they show what the rest of this API tells, and change nothing."},
	{Name: "This API", Description: "What is offered, for programs and for people."},
}

var specAbout = "A stateless fleet that gives every long-lived AI-agent session exactly one owner, keeps it through the loss of any node or any one Redis " +
	"master, and answers for it through any node.\n\n" +
	"Bodies are JSON in UTF-8. A member that is not described here is refused, as is one given twice, and an integer that does not fit in 64 bits. " +
	"An optional member that is null is as good as left out, unless it is said otherwise. " +
	fmt.Sprintf("A body has at most %d bytes, unless it is said otherwise.\n\n", MaxBody) +
	"A body may be MessagePack instead of JSON, with the same names and forms: `Content-Type: application/msgpack` for what is sent, " +
	"`Accept: application/msgpack` for what is answered. `application/x-msgpack` and `application/vnd.msgpack` mean the same. Problems and streams are never MessagePack.\n\n" +
	"Every error is a problem document (RFC 9457, `application/problem+json`): `code` is what a program decides by, `detail` is for people. A path that is not described here is " +
	"answered 404 `not-found`, another method than those described 405 `method-not-allowed`. Where there is `GET` there is `HEAD`. A query parameter that a route does not know is " +
	"refused, and so is one given twice that may be given once. 429 and 503 say in `Retry-After` when to come back.\n\n" +
	"Every answer names the node that gave it in `X-Orchestrator-Node`, and the request in `X-Request-Id`: the caller's own id where it is well formed."

// document describes every route that is mounted and has a description. It fails where a description refers to what is not there.
func (a *api) document() (*openapi.Document, error) {
	all := descriptions()
	var operations []*openapi.Operation
	for _, r := range a.mounted {
		i := slices.IndexFunc(all, func(d described) bool { return d.route == r.method+" "+r.path })
		if i < 0 {
			continue
		}
		op, err := all[i].operation(r)
		if err != nil {
			return nil, err
		}
		if of := all[i].streams; of != nil {
			a.tellLimits(op, of(a))
		}
		operations = append(operations, op)
	}
	info := openapi.Info{Title: "orchestrator", Version: cmp.Or(a.cfg.Version, "devel"), Description: specAbout}
	return openapi.New(info, specTags, operations, specComponents(), problemSchema(notFound.code), problemSchema(methodNotAllowed.code))
}

// operation describes a route as it is: without the query parameters that it does not know.
func (d described) operation(r route) (*openapi.Operation, error) {
	for _, name := range slices.Concat(r.one, r.many) {
		if more, ok := d.with[name]; ok {
			more(&d)
		}
	}
	op := &openapi.Operation{
		Method: r.method, Path: r.path, ID: d.id, Tags: []string{d.tag}, Summary: d.summary, Description: d.about, Body: d.body,
		Responses: slices.Clone(d.answers),
	}
	for _, p := range d.params {
		if p.In != openapi.InQuery || slices.Contains(r.one, p.Name) || slices.Contains(r.many, p.Name) {
			op.Parameters = append(op.Parameters, p)
		}
	}
	op.Parameters = append(op.Parameters, openapi.RefParameter(requestIDParameter))
	problems, err := problemAnswers(append([]string{internalError.code}, d.problems...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.route, err)
	}
	op.Responses = append(op.Responses, problems...)
	slices.SortStableFunc(op.Responses, func(a, b openapi.Member[*openapi.Response]) int { return cmp.Compare(a.Name, b.Name) })
	for _, answer := range op.Responses {
		answer.Value.Headers = append(answer.Value.Headers, ofEveryAnswer()...)
	}
	return op, nil
}

// tellLimits says how many streams there may be, of the operation and of the answer to one too many.
func (a *api) tellLimits(op *openapi.Operation, ofNode string) {
	limits := fmt.Sprintf("A node serves at most %s. One client may have %d streams on a node, those of all kinds together; processes on the node's "+
		"own machine are not held to that. One stream too many is answered 429 `rate-limited`; one that ends makes room at once. "+
		"A caller that does not take an event within %d s is cut off.",
		ofNode, a.clients.most, int(a.eventTimeout.Seconds()))
	op.Description = strings.TrimSpace(op.Description + "\n\n" + limits)
	for _, answer := range op.Responses {
		if answer.Name == strconv.Itoa(rateLimited.status) {
			answer.Value.Description += " " + limits
		}
	}
}
