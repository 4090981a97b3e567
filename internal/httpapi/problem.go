package httpapi

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// kind is one sort of problem: what a client's program decides by. Codes and statuses are part of the API.
type kind struct {
	code   string
	status int
	title  string
}

var (
	invalidRequest       = kind{"invalid-request", http.StatusBadRequest, "The request is not valid"}
	notFound             = kind{"not-found", http.StatusNotFound, "No such route"}
	sessionNotFound      = kind{"session-not-found", http.StatusNotFound, "No such session"}
	nodeNotFound         = kind{"node-not-found", http.StatusNotFound, "No such node"}
	contextNotFound      = kind{"context-not-found", http.StatusNotFound, "The session has no context"}
	cursorGone           = kind{"cursor-gone", http.StatusGone, "What came after the cursor is no longer kept"}
	watcherNotFound      = kind{"watcher-not-found", http.StatusNotFound, "No such watcher"}
	methodNotAllowed     = kind{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not offered by this route"}
	staleEpoch           = kind{"stale-epoch", http.StatusConflict, "The session has another owner by now"}
	leaseHeld            = kind{"lease-held", http.StatusConflict, "The session's lease is held"}
	versionMismatch      = kind{"version-mismatch", http.StatusPreconditionFailed, "The session was changed meanwhile"}
	tooLarge             = kind{"too-large", http.StatusRequestEntityTooLarge, "Too large"}
	unsupportedMediaType = kind{"unsupported-media-type", http.StatusUnsupportedMediaType, "The body's media type is not supported"}
	idempotencyMismatch  = kind{"idempotency-mismatch", http.StatusUnprocessableEntity, "The idempotency key was used for another request"}
	wrongNode            = kind{"wrong-node", http.StatusMisdirectedRequest, "Only the node itself can answer this"}
	rateLimited          = kind{"rate-limited", http.StatusTooManyRequests, "Too many at a time"}
	internalError        = kind{"internal", http.StatusInternalServerError, "Internal error"}
	unreadableRecord     = kind{"unreadable-record", http.StatusInternalServerError, "The session's record cannot be read"}
	noCapacity           = kind{"no-capacity", http.StatusServiceUnavailable, "No node has room"}
	storeUnavailable     = kind{"store-unavailable", http.StatusServiceUnavailable, "The store is unavailable"}
	draining             = kind{"draining", http.StatusServiceUnavailable, "The node is leaving"}
)

// kinds are all of them, for the description of the API.
var kinds = []kind{
	invalidRequest, notFound, sessionNotFound, nodeNotFound, contextNotFound, cursorGone, watcherNotFound, methodNotAllowed, staleEpoch, leaseHeld, versionMismatch, tooLarge,
	unsupportedMediaType, idempotencyMismatch, wrongNode, rateLimited, internalError, unreadableRecord, noCapacity, storeUnavailable, draining,
}

// statusClientGone marks, in logs and metrics alone, a request whose caller did not wait for the answer.
const statusClientGone = 499

// problem is a problem document (RFC 9457) with the extension members of all kinds; those that a kind does not use are left
// out. It is an error, so that a handler may return one for what concerns HTTP alone.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"requestId"`

	Field        string       `json:"field,omitempty"`        // invalid-request: what is wrong
	Used         *int         `json:"used,omitempty"`         // too-large, no-capacity, rate-limited
	Limit        *int         `json:"limit,omitempty"`        // too-large, no-capacity, rate-limited
	Nodes        []passedOver `json:"nodes,omitempty"`        // no-capacity: why each node was passed over
	Owner        string       `json:"owner,omitempty"`        // stale-epoch: the owner now; lease-held: the holder
	CurrentEpoch uint64       `json:"currentEpoch,omitempty"` // stale-epoch, lease-held
	CurrentETag  string       `json:"currentETag,omitempty"`  // version-mismatch: as If-Match takes it
	RemainingMs  int64        `json:"remainingMs,omitempty"`  // lease-held: how long the lease still runs
	Oldest       string       `json:"oldest,omitempty"`       // cursor-gone: reading after it misses nothing that is kept
	Latest       string       `json:"latest,omitempty"`       // cursor-gone: of events, the cursor of now
	Host         string       `json:"host,omitempty"`         // wrong-node: where the right one is
	Port         int          `json:"port,omitempty"`         // wrong-node
	Key          string       `json:"key,omitempty"`          // unreadable-record: the Redis key
	Reason       string       `json:"reason,omitempty"`       // unreadable-record: what is wrong with it

	retryAfter time.Duration // zero: no Retry-After
}

type passedOver struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// Error returns title and detail.
func (p problem) Error() string { return p.Title + ": " + p.Detail }

// because returns a problem of the kind with a detail for people.
func (k kind) because(detail string) problem {
	return problem{Type: "urn:orchestrator:problem:" + k.code, Title: k.title, Status: k.status, Code: k.code, Detail: clip(detail)}
}

// retry says when the request may be repeated.
func (p problem) retry(after time.Duration) problem {
	p.retryAfter = after
	return p
}

// sized says how much was used of which limit.
func (p problem) sized(used, limit int) problem {
	p.Used, p.Limit = &used, &limit
	return p
}

// capped names the limit where it is not known by how much the request is over it.
func (p problem) capped(limit int) problem {
	p.Limit = &limit
	return p
}

// headers sets what a problem says in headers.
func (p problem) headers(h http.Header) {
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(ceilSeconds(p.retryAfter), 10))
	}
}

// ceilSeconds rounds up: a caller that comes back early is refused again.
func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// fail answers with the problem that err stands for; the access log names err itself. A caller that went away gets nothing.
func (a *api) fail(c *gin.Context, err error) {
	_ = c.Error(err)
	if clientGone(c.Request.Context(), err) {
		c.Status(statusClientGone)
		return
	}
	p := problemOf(err, writes(c.Request.Method))
	p.RequestID = requestID(c)
	p.headers(c.Writer.Header())
	if err := replyAs(c, p.Status, typeProblem, p); err != nil {
		_ = c.Error(err)
	}
}

// maxText bounds what an answer repeats of a request.
const maxText = 300

// clip shortens s to maxText bytes at a character's border.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}
