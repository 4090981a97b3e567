package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"orchestrator/internal/session"
)

const (
	epochHeader       = "Session-Epoch"
	idempotencyHeader = "Idempotency-Key"
)

// condition reads If-Match (RFC 9110, section 13.1.1) and Session-Epoch.
func condition(h http.Header) (session.Condition, error) {
	epoch, err := holderEpoch(h)
	if err != nil {
		return session.Condition{}, err
	}
	tags, err := entityTags("If-Match", h)
	if err != nil {
		return session.Condition{}, err
	}
	cond := session.Condition{Epoch: epoch}
	for _, t := range tags {
		cond.IfMatch = append(cond.IfMatch, t.strong())
	}
	return cond, nil
}

// holderEpoch reads Session-Epoch: a positive integer below 2^53, which every JSON reader can hold. 0: not given.
func holderEpoch(h http.Header) (uint64, error) {
	s, given, err := single(h, epochHeader)
	if err != nil || !given {
		return 0, err
	}
	epoch, err := strconv.ParseUint(s, 10, 53)
	if err != nil || epoch == 0 {
		return 0, session.Invalid(epochHeader, "must be a positive integer below 2^53")
	}
	return epoch, nil
}

// knownMessage reads with which message a session's messages must end; nil: with whichever.
func knownMessage(q query) (*session.MessageID, error) {
	const name = "lastMessage"
	if !q.has(name) {
		return nil, nil
	}
	id, err := session.ParseMessageID(q.get(name))
	if err != nil {
		return nil, session.Invalid(name, "must be the id of a message, or 0-0: there must be none")
	}
	return &id, nil
}

// knownContext reads in which state a session's context must be; nil: in any. Empty: there must be none.
func knownContext(q query) (*session.Stamp, error) {
	const name = "contextETag"
	given := q.get(name)
	switch {
	case !q.has(name):
		return nil, nil
	case given == "":
		return &session.Stamp{}, nil
	}
	stamp, err := session.ParseStamp(strings.Trim(given, `"`))
	if err != nil || !stampTag.MatchString(given) {
		return nil, session.Invalid(name, "must be the ETag of a context, in its quotes, or empty: there must be none")
	}
	return &stamp, nil
}

var stampTag = regexp.MustCompile(patternStamp)

// single reads a header that may be given once.
func single(h http.Header, name string) (value string, given bool, err error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", false, session.Invalid(name, "is given more than once")
	}
	return h.Get(name), len(values) == 1, nil
}

// idempotency reads Idempotency-Key; the fingerprint is the body's.
func idempotency(h http.Header, members map[string]any) (session.Idempotency, error) {
	key, given, err := single(h, idempotencyHeader)
	if err != nil || !given {
		return session.Idempotency{}, err
	}
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	if key == "" || len(key) > session.MaxIdempotencyKey || strings.ContainsFunc(key, unprintable) {
		return session.Idempotency{}, session.Invalid(idempotencyHeader, fmt.Sprintf("must have 1 to %d printable ASCII characters", session.MaxIdempotencyKey))
	}
	body, err := fingerprint(members)
	return session.Idempotency{Key: key, Fingerprint: body}, err
}

// refuse fails where a header asks for a promise that the route does not make. To ignore it would let the caller believe in it.
func refuse(h http.Header, names ...string) error {
	for _, name := range names {
		if len(h.Values(name)) > 0 {
			return session.Invalid(name, "is not offered by this route")
		}
	}
	return nil
}

// refusePromises is refuse of a route that takes neither a condition nor an idempotency key.
func refusePromises(h http.Header) error {
	return refuse(h, "If-Match", epochHeader, idempotencyHeader)
}

// tag is one entity tag; any is "*".
type tag struct {
	value     string
	weak, any bool
}

// strong returns what a stamp is compared with. A weak tag matches no stamp (strong comparison), and a quoted star is no
// wildcard: both keep their quotes, which no stamp has.
func (t tag) strong() string {
	switch {
	case t.any:
		return "*"
	case t.weak:
		return `W/"` + t.value + `"`
	case t.value == "*":
		return `"*"`
	}
	return t.value
}

// entityTags reads a header that holds "*" or a list of entity tags.
func entityTags(name string, h http.Header) ([]tag, error) {
	if len(h.Values(name)) == 0 {
		return nil, nil
	}
	malformed := session.Invalid(name, `must be * or a list of entity tags in double quotes, as the header ETag has them`)
	rest := strings.Join(h.Values(name), ",")
	if strings.TrimSpace(rest) == "*" {
		return []tag{{any: true}}, nil
	}
	var tags []tag
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			break
		}
		t, after, ok := cutTag(rest)
		if !ok {
			return nil, malformed
		}
		tags, rest = append(tags, t), after
	}
	if len(tags) == 0 {
		return nil, malformed
	}
	return tags, nil
}

// cutTag reads one entity tag from the start of s and returns what follows it, which must be a comma or nothing.
func cutTag(s string) (t tag, after string, ok bool) {
	s, t.weak = strings.CutPrefix(s, "W/")
	if s, ok = strings.CutPrefix(s, `"`); !ok {
		return tag{}, "", false
	}
	t.value, after, ok = strings.Cut(s, `"`)
	if !ok || strings.ContainsFunc(t.value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return tag{}, "", false
	}
	after = strings.TrimLeft(after, " \t")
	return t, after, after == "" || after[0] == ','
}

// holds reports whether one of If-None-Match's tags names the stamp: by weak comparison, as that header asks.
func holds(tags []tag, current session.Stamp) bool {
	return slices.ContainsFunc(tags, func(t tag) bool { return t.any || t.value == current.String() })
}
