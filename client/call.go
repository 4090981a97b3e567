package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// request is one call as it goes out, as often as it must.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
	contentType  string // of body; empty: application/json
	accept       string // empty: application/json

	// again says that the request may be sent again though it may have been done: a second time changes nothing more.
	again bool
	// gone says that once it may have been done, session-not-found means that it was.
	gone bool
	// pool are the addresses to ask; nil: the client's.
	pool *pool
}

// answer is one that came, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request until it is answered, and reads the answer into a value, unless that is nil.
func (c *Client) call(ctx context.Context, r *request, into any) (answer, error) {
	var a answer
	err := c.attempts(ctx, r, func(ctx context.Context, at *address, id string) *Error {
		var e *Error
		a, e = c.once(ctx, r, at, id)
		return e
	})
	if err != nil || into == nil {
		return a, err
	}
	if err := decode(a.body, into); err != nil {
		return a, &Error{Code: CodeBrokenAnswer, Status: a.status, Detail: "the answer cannot be read: " + err.Error(), Err: err,
			Node: a.header.Get(nodeHeader), RequestID: a.header.Get(requestHeader), request: r.method + " " + r.path, Unsure: !r.reads()}
	}
	return a, nil
}

// attempts tries until it succeeds, fails for good, may not be repeated, or has no time left.
func (c *Client) attempts(ctx context.Context, r *request, try func(ctx context.Context, at *address, id string) *Error) error {
	p, id, giveUp := r.pool, newKey(), time.Now().Add(c.cfg.RetryFor)
	if p == nil {
		p = c.pool
	}
	unsure := false
	for {
		if err := ctx.Err(); err != nil {
			return &Error{Code: CodeNoAnswer, Detail: err.Error(), Err: err, Unsure: unsure, request: r.method + " " + r.path}
		}
		at, _ := p.pick()
		e := try(ctx, at, id)
		if e == nil {
			p.good(at)
			return nil
		}
		e.request = r.method + " " + r.path
		unsure = unsure || e.Unsure
		e.Unsure = unsure
		switch {
		case ctx.Err() != nil:
			e.Err = ctx.Err()
			return e
		case r.gone && unsure && e.Code == "session-not-found":
			p.good(at)
			return nil
		case !e.passing():
			p.good(at)
			return e
		}
		p.failed(at, e.RetryAfter)
		_, wait := p.pick()
		if !e.nothing && !r.again && !r.reads() || time.Now().Add(wait).After(giveUp) {
			return e
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return e
		}
		if err := sleep(ctx, wait); err != nil {
			e.Err = err
			return e
		}
	}
}

// once is one attempt, with its answer read to the end.
func (c *Client) once(ctx context.Context, r *request, at *address, id string) (answer, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.AttemptTimeout)
	defer cancel()
	resp, e := c.send(ctx, r, at, id)
	if e != nil {
		return answer{}, e
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		return answer{}, unanswered(r, id, err)
	case int64(len(body)) > c.cfg.MaxAnswer:
		return answer{}, &Error{Code: CodeBrokenAnswer, Status: resp.StatusCode, RequestID: id, Node: resp.Header.Get(nodeHeader),
			Detail: "the answer is larger than MaxAnswer, " + strconv.FormatInt(c.cfg.MaxAnswer, 10) + " bytes", Unsure: !r.reads()}
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

const (
	requestHeader = "X-Request-Id"
	nodeHeader    = "X-Orchestrator-Node"
)

// send sends a request and returns the answer where it is a good one. Its body must be closed.
func (c *Client) send(ctx context.Context, r *request, at *address, id string) (*http.Response, *Error) {
	u := &url.URL{Scheme: at.base.Scheme, Host: at.base.Host, Path: r.path, RawQuery: r.query.Encode()}
	var in io.Reader
	if r.body != nil {
		in = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), in)
	if err != nil {
		return nil, &Error{Code: CodeInvalidRequest, Detail: err.Error(), Err: err, nothing: true}
	}
	for _, h := range []http.Header{c.cfg.Header, r.header} {
		for name, values := range h {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	req.Header.Set(requestHeader, id)
	req.Header.Set("Accept", or(r.accept, "application/json"))
	if r.body != nil {
		req.Header.Set("Content-Type", or(r.contentType, "application/json"))
	}
	var wrote atomic.Bool // the transport sends a request with an Idempotency-Key again by itself, and its last attempt may find nobody
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }}))
	resp, err := c.http.Do(req)
	if err != nil {
		e := unanswered(r, id, err)
		if wrote.Load() {
			e.nothing, e.Unsure = false, !r.reads()
		}
		return nil, e
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, refused(r, id, resp)
}

// unanswered is the error of an attempt that got no answer. What could not connect has done nothing.
func unanswered(r *request, id string, err error) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	nothing := errors.As(err, &op) && op.Op == "dial"
	return &Error{Code: CodeNoAnswer, Detail: err.Error(), Err: err, RequestID: id, nothing: nothing, Unsure: !nothing && !r.reads()}
}

// maxProblem bounds a problem document: the longest names a thousand nodes.
const maxProblem = 1 << 20

// problem is what the API answers where it refuses.
type problem struct {
	Code, Title, Detail, RequestID string
	Field                          string
	Used, Limit                    int
	Nodes                          []PassedOver
	Owner                          string
	CurrentEpoch                   uint64
	CurrentETag                    string
	Oldest, Latest                 string
	Host                           string
	Port                           int
}

// refused is the error of an answer that is not a good one. One without a code is told by its status: it is a proxy's, perhaps.
func refused(r *request, id string, resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	var p problem
	if json.Unmarshal(body, &p) != nil || p.Code == "" {
		p = problem{Code: "http-" + strconv.Itoa(resp.StatusCode), Title: http.StatusText(resp.StatusCode)}
	}
	e := p.error(resp.StatusCode)
	e.RequestID, e.Node = or(p.RequestID, or(resp.Header.Get(requestHeader), id)), resp.Header.Get(nodeHeader)
	e.RetryAfter = retryAfter(resp.Header)
	e.Unsure = e.Unsure && !r.reads()
	return e
}

// error makes the error of a problem. A node that is leaving, has no room or takes no more at a time has done nothing; of other failures
// of its own it cannot be told.
func (p problem) error(status int) *Error {
	e := &Error{Code: p.Code, Status: status, Title: p.Title, Detail: p.Detail, RequestID: p.RequestID, Field: p.Field, Used: p.Used, Limit: p.Limit,
		PassedOver: p.Nodes, Owner: p.Owner, CurrentEpoch: p.CurrentEpoch, CurrentETag: p.CurrentETag,
		Oldest: p.Oldest, Latest: p.Latest, Host: p.Host, Port: p.Port}
	e.nothing = status < 500 || p.Code == "draining" || p.Code == "no-capacity"
	e.Unsure = !e.nothing
	return e
}

// retryAfter reads the header in its form of seconds; the other form goes by a wall clock, and nodes do not send it.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// reads reports whether the request changes nothing.
func (r *request) reads() bool { return r.method == http.MethodGet }

// decode reads a document. Numbers without a type of their own keep every digit (json.Number).
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(into)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
