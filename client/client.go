package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// What Config says where it is left zero.
const (
	DefaultAttemptTimeout = 15 * time.Second // a node gives up after 10 s by itself and says so, or later where what others asked is served together with it
	DefaultRetryFor       = 30 * time.Second // a Redis master's failover takes a few seconds of it
	DefaultMaxAnswer      = 256 << 20        // a page of 1,000 sessions with the largest config each is half of it
)

// Config is what New needs: Addrs, and whatever should not be as it is by default.
type Config struct {
	// Addrs are the nodes, or load balancers before them: "http://10.0.0.11:8080", or "10.0.0.11:8080" for the same. At least one.
	Addrs []string

	// Header is sent with every request, such as Authorization. What the client sets itself wins over it.
	Header http.Header

	// AttemptTimeout is how long one attempt may take until its answer is whole, or the head of a stream is there.
	AttemptTimeout time.Duration

	// RetryFor is how long a call goes on repeating its request, from its first attempt on; a context's deadline may come sooner.
	// Negative: no request is repeated.
	RetryFor time.Duration

	// MaxAnswer is the largest answer, or event of a stream, in bytes; more is an error.
	MaxAnswer int64

	// Transport sends the requests; nil: one of the client's own, without a proxy. Redirects are never followed.
	Transport http.RoundTripper

	// Log is told of streams that were lost and begun again; nil: nobody is.
	Log *slog.Logger
}

// Validate says what is missing or impossible.
func (cfg Config) Validate() error {
	var errs []error
	if len(cfg.Addrs) == 0 {
		errs = append(errs, errors.New("client: Addrs must name at least one node"))
	}
	for _, addr := range cfg.Addrs {
		if _, err := parseAddr(addr); err != nil {
			errs = append(errs, err)
		}
	}
	for name, values := range cfg.Header {
		for _, v := range values {
			if !printable(name) || !printable(v) {
				errs = append(errs, fmt.Errorf("client: Header %q must hold printable ASCII alone", name))
			}
		}
	}
	if cfg.AttemptTimeout < 0 {
		errs = append(errs, fmt.Errorf("client: AttemptTimeout %s must not be negative", cfg.AttemptTimeout))
	}
	if cfg.MaxAnswer < 0 {
		errs = append(errs, fmt.Errorf("client: MaxAnswer %d must not be negative", cfg.MaxAnswer))
	}
	return errors.Join(errs...)
}

// Client calls the API of a fleet through any of its nodes. It is safe for concurrent use.
type Client struct {
	cfg  Config
	pool *pool
	http *http.Client
	own  *http.Transport // nil where the transport is the caller's
}

// New returns a client. It connects to nobody yet. It fails where cfg does.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.AttemptTimeout == 0 {
		cfg.AttemptTimeout = DefaultAttemptTimeout
	}
	if cfg.RetryFor == 0 {
		cfg.RetryFor = DefaultRetryFor
	}
	if cfg.MaxAnswer == 0 {
		cfg.MaxAnswer = DefaultMaxAnswer
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Addrs, cfg.Header = slices.Clone(cfg.Addrs), cfg.Header.Clone()
	c := &Client{cfg: cfg, pool: newPool(cfg.Addrs)}
	if cfg.Transport == nil {
		c.own = ownTransport()
		cfg.Transport = c.own
	}
	c.http = &http.Client{
		Transport:     cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// ownTransport keeps connections for less time than a node does (75 s), so that it is seldom the node that ends them.
func ownTransport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     50 * time.Second,
		DisableCompression:  true,
	}
}

// Close gives up idle connections, where the transport is the client's own. Calls under way go on; the client may be used again.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// parseAddr reads an address as Config takes it.
func parseAddr(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + s); err != nil {
			return nil, fmt.Errorf("client: address %q is not a URL", s)
		}
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("client: address %q must be http://host:port, https://host:port or host:port", s)
	case u.User != nil:
		return nil, errors.New("client: an address must hold no user or password: send them in Header")
	case u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("client: address %q must have no path, query or fragment", s)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newKey draws a key, or an id, that nobody else has.
func newKey() string { return rand.Text() }
