package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Consistency says what a read may answer from.
type Consistency string

// Linearizable reads, which are the default, answer what no later read can contradict. Eventual ones are cheaper, and may lag behind.
const (
	Linearizable Consistency = "linearizable"
	Eventual     Consistency = "eventual"
)

// query adds the consistency that a caller asks for, if any.
func (c Consistency) query(q url.Values) url.Values {
	if c == "" || c == Linearizable {
		return q
	}
	if q == nil {
		q = url.Values{}
	}
	q.Set("consistency", string(c))
	return q
}

// last returns the last of the consistencies given.
func last(all []Consistency) (c Consistency) {
	for _, c = range all {
	}
	return c
}

// CreateSession makes a session. It is repeated under its idempotency key until it is known to be made, or refused. It fails with
// ErrInvalid, ErrTooLarge, ErrIdempotencyMismatch, ErrNoCapacity or ErrUnavailable; and with ErrNotFound where what was made under its key has
// been deleted since.
func (c *Client) CreateSession(ctx context.Context, d Draft) (Session, error) {
	r, err := jsonRequest(http.MethodPost, "/v1/sessions", d)
	if err != nil {
		return Session{}, err
	}
	if err := r.keyed(d.IdempotencyKey); err != nil {
		return Session{}, err
	}
	return c.session(ctx, r)
}

// Result is what became of one draft of a batch: Session where Err is nil. Err is an *Error.
type Result struct {
	Session Session
	Err     error
}

// CreateSessions makes up to 1,000 sessions. The results are as many as the drafts and in their order; each stands alone. The call takes no
// idempotency keys: it is repeated only while nothing was done, so that after an error that is Unsure some of them may be there.
func (c *Client) CreateSessions(ctx context.Context, drafts []Draft) ([]Result, error) {
	for _, d := range drafts {
		if d.IdempotencyKey != "" {
			return nil, invalid("IdempotencyKey", "is not offered for the drafts of a batch")
		}
	}
	r, err := jsonRequest(http.MethodPost, "/v1/sessions/batch", map[string][]Draft{"sessions": drafts})
	if err != nil {
		return nil, err
	}
	var out struct {
		Results []struct {
			Status  int
			Session Session
			Problem problem
		}
	}
	a, err := c.call(ctx, r, &out)
	if err != nil {
		return nil, err
	}
	if len(out.Results) != len(drafts) {
		return nil, &Error{Code: CodeBrokenAnswer, Status: a.status, request: "POST " + r.path, Unsure: true,
			Detail: strconv.Itoa(len(out.Results)) + " results came for " + strconv.Itoa(len(drafts)) + " drafts"}
	}
	results := make([]Result, len(drafts))
	for i, item := range out.Results {
		if item.Status/100 == 2 {
			results[i].Session = item.Session
			continue
		}
		e := item.Problem.error(item.Status)
		e.Node = a.header.Get(nodeHeader)
		results[i].Err = e
	}
	return results, nil
}

// GetSession returns a session. It fails with ErrNotFound where there is none.
func (c *Client) GetSession(ctx context.Context, id string, how ...Consistency) (Session, error) {
	path, err := sessionPath(id, "")
	if err != nil {
		return Session{}, err
	}
	return c.session(ctx, &request{method: http.MethodGet, path: path, query: last(how).query(nil)})
}

// PatchSession changes a session where the condition holds, and returns it as it is then. It is repeated after a lost answer only under
// an IfMatch; ErrVersionMismatch with Unsure then means that the change may be this very one: read the session, and see.
func (c *Client) PatchSession(ctx context.Context, id string, p Patch, cond Condition) (Session, error) {
	path, err := sessionPath(id, "")
	if err != nil {
		return Session{}, err
	}
	r, err := jsonRequest(http.MethodPatch, path, p)
	if err != nil {
		return Session{}, err
	}
	r.contentType = "application/merge-patch+json"
	if err := r.on(cond); err != nil {
		return Session{}, err
	}
	return c.session(ctx, r)
}

// DeleteSession ends a session where the condition holds, whoever owns it. Ids are never used again: it is repeated until it is done.
func (c *Client) DeleteSession(ctx context.Context, id string, cond Condition) error {
	return c.deleteSession(ctx, id, cond, nil)
}

// Beside is what lies beside a session, and changes without its ETag.
type Beside struct {
	LastMessage string // MessagePage.NextAfter of a page that nothing follows; empty: there are no messages
	ContextETag string // Blob.ETag; empty: there is no context
}

// DeleteUnchanged ends a session where the condition holds and what lies beside it is still this; ErrVersionMismatch: it is not. A node of a
// former version, which cannot tell, does nothing: ErrInvalid, whose Field is contextETag or lastMessage.
func (c *Client) DeleteUnchanged(ctx context.Context, id string, cond Condition, known Beside) error {
	return c.deleteSession(ctx, id, cond, url.Values{"lastMessage": {or(known.LastMessage, "0-0")}, "contextETag": {known.ContextETag}})
}

func (c *Client) deleteSession(ctx context.Context, id string, cond Condition, known url.Values) error {
	path, err := sessionPath(id, "")
	if err != nil {
		return err
	}
	r := &request{method: http.MethodDelete, path: path, query: known, gone: true}
	if err := r.on(cond); err != nil {
		return err
	}
	r.again = true
	_, err = c.call(ctx, r, nil)
	return err
}

// MigrateSession gives a session to another node: to the one named, or where that is empty to the best one. It is repeated only while
// nothing was done, for each migration moves it once more.
func (c *Client) MigrateSession(ctx context.Context, id, node string) (Session, error) {
	path, err := sessionPath(id, "/migrate")
	if err != nil {
		return Session{}, err
	}
	body := map[string]string{}
	if node != "" {
		if _, err := nodePath(node, ""); err != nil {
			return Session{}, err
		}
		body["node"] = node
	}
	r, err := jsonRequest(http.MethodPost, path, body)
	if err != nil {
		return Session{}, err
	}
	return c.session(ctx, r)
}

// Selection says which sessions a list is of. What is left zero selects all.
type Selection struct {
	Types     []string // any of these
	Statuses  []Status // any of these
	Owners    []string // any of these nodes
	Workspace string
	Labels    map[string]string // all of these
	Selector  string            // more of labels, as kubectl writes it: "tier in (gold, silver), !old"
	OrderBy   string            // "id", "createdAt" or "-createdAt"; empty: what is cheapest

	Limit     int    // of one page, 1 to 1,000; 0: 100
	PageToken string // where a page begins, as the one before it says; AllSessions begins there
}

func (sel Selection) query() url.Values {
	q := url.Values{}
	for name, values := range map[string][]string{
		"type": sel.Types, "owner": sel.Owners, "status": texts(sel.Statuses), "workspace": one(sel.Workspace),
		"labels": one(sel.Selector), "orderBy": one(sel.OrderBy), "pageToken": one(sel.PageToken),
	} {
		if len(values) > 0 {
			q.Set(name, strings.Join(values, ","))
		}
	}
	for k, v := range sel.Labels {
		q.Add("label", k+"="+v)
	}
	if sel.Limit != 0 {
		q.Set("limit", strconv.Itoa(sel.Limit))
	}
	return q
}

// SessionPage is one page of a list. Next is empty on the last.
type SessionPage struct {
	Sessions []Session `json:"sessions"`
	Next     string    `json:"nextPageToken"`
}

// ListSessions returns one page of the sessions selected.
func (c *Client) ListSessions(ctx context.Context, sel Selection) (SessionPage, error) {
	var page SessionPage
	_, err := c.call(ctx, &request{method: http.MethodGet, path: "/v1/sessions", query: sel.query()}, &page)
	return page, err
}

// AllSessions returns every session selected, page by page as they are asked for. Sessions made or deleted meanwhile shift no page. An
// error is the last that comes.
func (c *Client) AllSessions(ctx context.Context, sel Selection) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		for {
			page, err := c.ListSessions(ctx, sel)
			if err != nil {
				yield(Session{}, err)
				return
			}
			for _, s := range page.Sessions {
				if !yield(s, nil) {
					return
				}
			}
			if sel.PageToken = page.Next; page.Next == "" {
				return
			}
		}
	}
}

// session sends a request that is answered with a session.
func (c *Client) session(ctx context.Context, r *request) (Session, error) {
	var s Session
	a, err := c.call(ctx, r, &s)
	if err != nil {
		return Session{}, err
	}
	s.head(a.header)
	return s, nil
}

// jsonRequest makes a request with a body. An error is an *Error.
func jsonRequest(method, path string, body any) (*request, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, invalid("body", "cannot be written as JSON: %v", err)
	}
	return &request{method: method, path: path, body: raw, header: http.Header{}}, nil
}

// keyed gives a request its idempotency key, the caller's or one of its own: it may be repeated then.
func (r *request) keyed(key string) error {
	if err := headerText("IdempotencyKey", key, maxKey); err != nil {
		return err
	}
	r.header.Set("Idempotency-Key", or(key, newKey()))
	r.again = true
	return nil
}

// on puts a request under a condition. It may be repeated where that can hold only once.
func (r *request) on(cond Condition) error {
	h, err := cond.header()
	if err != nil {
		return err
	}
	r.header, r.again = h, cond.once()
	return nil
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func texts[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, t := range all {
		out[i] = string(t)
	}
	return out
}
