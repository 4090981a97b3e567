package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// The problem codes that tell something of a session.
const (
	codeAbsent      = "session-not-found"
	codeStale       = "stale-epoch"
	codeUnavailable = "store-unavailable"
	codeMismatch    = "version-mismatch"
	codeNone        = "context-not-found"
)

// sessionView is what the API says of a session.
type sessionView struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Owner   string            `json:"owner"`
	Epoch   uint64            `json:"epoch"`
	Version uint64            `json:"version"`
	Labels  map[string]string `json:"labels"`
}

// valueLabel is the label that holds a session's value.
const valueLabel = "n"

func (v sessionView) state() State {
	return State{Epoch: v.Epoch, Version: v.Version, Owner: v.Owner, Value: v.Labels[valueLabel], Whole: true}
}

// problemView is what the API says when it refuses.
type problemView struct {
	Code         string `json:"code"`
	Detail       string `json:"detail"`
	Owner        string `json:"owner"`
	CurrentEpoch uint64 `json:"currentEpoch"`
	CurrentETag  string `json:"currentETag"`
}

// answer is one response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// newHTTP returns a client that sends each request once. Go's transport repeats some requests by itself; those that write are
// given bodies which it cannot repeat.
func newHTTP(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 5 * time.Second}}
}

// once hides from net/http that a body could be read again.
type once struct{ io.Reader }

func send(ctx context.Context, c *http.Client, method, url string, body any, headers map[string]string) (answer, error) {
	var in io.Reader
	size := 0
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in, size = once{bytes.NewReader(raw)}, len(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return answer{}, err
	}
	req.ContentLength = int64(size)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, raw}, err
}

// settle fills in what a call's answer means. An answer of the 4xx class is a refusal that changed nothing; any other that is no
// success leaves open what was done.
func (o *Op) settle(a answer, err error) {
	o.Status = a.status
	switch {
	case err != nil:
		o.Outcome, o.Error = Unknown, err.Error()
	case a.status >= 200 && a.status < 300:
		o.Outcome = OK
		o.see(a)
	default:
		o.refused(a)
	}
}

func (o *Op) see(a answer) {
	switch {
	case o.Kind == Delete || o.Kind == List:
		return
	case o.Beside():
		o.seeBeside(a)
		return
	}
	var v sessionView
	if err := json.Unmarshal(a.body, &v); err != nil {
		o.Outcome, o.Error = Unknown, err.Error()
		return
	}
	s := v.state()
	s.Change = parseTag(a.header.Get("ETag")).Change
	o.Seen = &s
	if o.Kind == Create {
		o.Session = v.ID
	}
}

func (o *Op) refused(a answer) {
	var p problemView
	_ = json.Unmarshal(a.body, &p) // one that is no problem document has no code
	o.Code, o.Error = p.Code, p.Detail
	o.Outcome = Unknown
	if a.status >= 400 && a.status < 500 {
		o.Outcome = No
	}
	switch p.Code {
	case codeStale:
		o.Seen = &State{Epoch: p.CurrentEpoch, Owner: p.Owner}
	case codeMismatch:
		if o.Kind == PutContext {
			s := parseTag(p.CurrentETag)
			o.Context = &s
		} else if s := parseTag(p.CurrentETag); s.Stamped() {
			o.Seen = &s
		}
	}
}
