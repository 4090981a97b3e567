package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// answerLimit is how long one request may take. A node gives up earlier and says so.
const answerLimit = 35 * time.Second

// client is one transport for all callers. Redirects are not followed and nothing is compressed: what is sent is what is measured.
type client struct {
	bases     []*url.URL
	transport *http.Transport
}

func newClient(c Config) (*client, error) {
	cl := &client{transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: c.Concurrency,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
		WriteBufferSize:     16 << 10,
		ReadBufferSize:      16 << 10,
	}}
	for _, s := range c.URLs {
		base, err := parseBase(s)
		if err != nil {
			return nil, err
		}
		cl.bases = append(cl.bases, base)
	}
	return cl, nil
}

func (cl *client) close() { cl.transport.CloseIdleConnections() }

// request is one that is to be sent. Its header is shared by many and never changed.
type request struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// answer is one that came, whole. Its body is the caller's buffer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request to one of the bases and reads the answer to its end into buf, so that the connection is used again.
func (cl *client) do(ctx context.Context, base int, r request, buf *bytes.Buffer) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	at := cl.bases[base%len(cl.bases)]
	req := &http.Request{
		Method: r.method, Header: r.header, Host: at.Host, ContentLength: int64(len(r.body)),
		URL: &url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path + r.path, RawQuery: r.query},
	}
	if len(r.body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(r.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
	}
	resp, err := cl.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", r.method, req.URL.Redacted(), err)
	}
	buf.Reset()
	_, err = buf.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: read the answer: %w", r.method, req.URL.Redacted(), err)
	}
	return answer{resp.StatusCode, resp.Header, buf.Bytes()}, nil
}

// reach asks every base whether it is alive. Any answer will do; none is an error that names the address.
func (cl *client) reach(ctx context.Context) error {
	for i, base := range cl.bases {
		if _, err := cl.do(ctx, i, request{method: http.MethodGet, path: "/livez", header: http.Header{}}, new(bytes.Buffer)); err != nil {
			return fmt.Errorf("%s does not answer: %w", base.Redacted(), err)
		}
	}
	return nil
}
