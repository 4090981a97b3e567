package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// Limits of a request, beside those of its fields (package session).
const (
	MaxBody           = 1 << 20  // bytes of a request body, a batch's aside
	MaxBatchBody      = 16 << 20 // bytes of a batch's body
	MaxConfigDepth    = 32       // levels of objects and arrays in a session's config or a message's data, itself included
	MaxRequestID      = 128      // characters of an incoming X-Request-Id
	MaxPageToken      = 1024     // characters of a page token
	MaxMessagesBody   = 2 << 20  // bytes of a body that publishes messages
	MaxMessageStreams = 1000     // streams of messages that a node serves at once, those of processes beside it aside
	MaxEventStreams   = 256      // streams of events that a node serves at once

	// MaxRemoteFollowers is how many of the followers of a node's assignments may be on other machines: the rest of the places are kept
	// for the processes beside it, whose sessions nobody else can keep from them.
	MaxRemoteFollowers    = assignments.DefaultMaxFollowers / 2
	MaxReleased           = 1000             // sessions that one acknowledgement may name
	DefaultRequestTimeout = 10 * time.Second // time one request may take where Config says nothing

	// DefaultStreamsPerClient is how many streams of all kinds one client may have on a node where Config says nothing. It is less than a
	// node serves of events or of messages, so that no one client keeps the others out, and yet enough for all who share an address,
	// such as that of a proxy that is not trusted.
	DefaultStreamsPerClient = 200
)

// Config is what New needs. Every field is required unless it says otherwise.
type Config struct {
	Sessions   Sessions
	Messages   Messaging
	Contexts   Contexts
	Catalog    Catalog
	Explainer  Explainer
	Nodes      Nodes
	Operations Operations
	Board      Board
	Events     Events
	Metrics    Metrics
	Health     Health

	Node     session.NodeID       // this node: every response names it
	Version  string               // of the program; may be empty
	Registry *prometheus.Registry // receives this package's metrics and is served at /metrics
	Log      *slog.Logger

	// TrustedProxies are addresses and networks (CIDR) of the proxies whose word is taken for whom they ask (X-Forwarded-For). May be empty.
	TrustedProxies []string

	// MaxStreamsPerClient bounds the streams of one client, by its address; 0 is DefaultStreamsPerClient. Processes beside the node are not held
	// to it.
	MaxStreamsPerClient int

	// MaxSessions is how many sessions the node may own. Processes beside it may have a stream of messages for each of them, and
	// MaxMessageStreams more, whatever clients elsewhere have: who runs the sessions must hear of their input.
	MaxSessions int

	// RequestTimeout bounds the use case that a request calls; 0 is DefaultRequestTimeout. With the time that a body may take (15 s) it must stay
	// below the server's write time-out (30 s), or its answer could not be sent any more.
	RequestTimeout time.Duration
}

// Validate says what is missing or impossible.
func (cfg Config) Validate() error {
	var errs []error
	for _, need := range []struct {
		name   string
		absent bool
	}{
		{"Sessions", cfg.Sessions == nil},
		{"Messages", cfg.Messages == nil},
		{"Contexts", cfg.Contexts == nil},
		{"Catalog", cfg.Catalog == nil},
		{"Explainer", cfg.Explainer == nil},
		{"Nodes", cfg.Nodes == nil},
		{"Operations", cfg.Operations == nil},
		{"Board", cfg.Board == nil},
		{"Events", cfg.Events == nil},
		{"Metrics", cfg.Metrics == nil},
		{"Health", cfg.Health == nil},
		{"Registry", cfg.Registry == nil},
		{"Log", cfg.Log == nil},
	} {
		if need.absent {
			errs = append(errs, fmt.Errorf("httpapi: %s is required", need.name))
		}
	}
	if _, err := session.ParseNodeID(string(cfg.Node)); err != nil {
		errs = append(errs, fmt.Errorf("httpapi: Node: %w", err))
	}
	if cfg.RequestTimeout < 0 || cfg.RequestTimeout >= writeTimeout-readTimeout {
		errs = append(errs, fmt.Errorf("httpapi: RequestTimeout %s must be between 0 and %s", cfg.RequestTimeout, writeTimeout-readTimeout))
	}
	if cfg.MaxStreamsPerClient < 0 {
		errs = append(errs, errors.New("httpapi: MaxStreamsPerClient must not be negative"))
	}
	if cfg.MaxSessions < 0 {
		errs = append(errs, errors.New("httpapi: MaxSessions must not be negative"))
	}
	return errors.Join(errs...)
}

// api is the handler and its state, which once built changes no more but for stopped.
type api struct {
	cfg          Config
	metrics      *metrics
	index        indexView
	mounted      []route // in the order in which the index has them
	manual       func() (*manual, error)
	engine       http.Handler
	follows      map[string]handler // by gin's path of their route: what answers where the caller accepts a stream
	lines        map[string]bool    // those of them that answer one who accepts NDJSON, too
	eventTimeout time.Duration      // for one event to be written
	bookmarks    time.Duration      // between two words of where a stream of events stands
	stopped      atomic.Bool        // the server shuts down
	stopping     chan struct{}      // closed when it begins to
	stopOnce     sync.Once
	clients      clients
	remote       seats // of followers of the node's assignments
	afar, beside seats // of streams of messages: for clients elsewhere, and for processes beside the node
	pace         pace
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// stop ends what would not end by itself. Server has it called when it shuts down.
func (a *api) stop() {
	a.stopped.Store(true)
	a.stopOnce.Do(func() { close(a.stopping) })
	a.cfg.Board.End("stopping")
	a.cfg.Events.End("draining")
}

// releaseMode silences gin's debug output, which is a setting of the whole process. This package is gin's only user.
var releaseMode = sync.OnceFunc(func() { gin.SetMode(gin.ReleaseMode) })

// New returns the handler of every route. Give it to Server as it is, so that its streams end when the server does. It fails where Config does, or where the registry holds such metrics already.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	m, err := newMetrics(cfg.Registry)
	if err != nil {
		return nil, err
	}
	releaseMode()
	a := &api{cfg: cfg, metrics: m, follows: map[string]handler{}, lines: map[string]bool{},
		eventTimeout: eventTimeout, bookmarks: bookmarkEvery, stopping: make(chan struct{}), pace: usualPace,
		clients: clients{most: cmp.Or(cfg.MaxStreamsPerClient, DefaultStreamsPerClient), open: map[netip.Addr]int{}},
		afar:    seats{thing: "streams of messages on this node", most: MaxMessageStreams, advice: elsewhere},
		beside:  seats{thing: "streams of messages beside this node", most: MaxMessageStreams + cfg.MaxSessions, advice: elsewhere},
		remote:  seats{thing: "followers of this node's assignments from other machines", most: MaxRemoteFollowers, advice: "end one, or run beside the node"}}
	a.manual = sync.OnceValues(a.writeManual)
	if err := a.build(); err != nil {
		return nil, err
	}
	return a, nil
}
