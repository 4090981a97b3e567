package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"orchestrator/internal/openapi"
)

// problemMembers are the members that a problem of a code has beside those of all. A code that is not here has none.
var problemMembers = map[string][]openapi.Property{
	"invalid-request": {openapi.May("field", openapi.String().About("what is wrong: a member, a parameter or a header"))},
	"too-large": {
		openapi.May("used", openapi.Count().About("how much it is, where that is known")),
		openapi.Must("limit", openapi.Count()),
	},
	"rate-limited": {openapi.Must("used", openapi.Count()), openapi.Must("limit", openapi.Count())},
	"no-capacity": {
		openapi.Must("used", openapi.Count().About("sessions of the nodes that take any")),
		openapi.Must("limit", openapi.Count().About("sessions that they may have")),
		openapi.May("nodes", openapi.Array(openapi.Object(
			openapi.Must("node", openapi.Ref("NodeId")), openapi.Must("reason", openapi.String()))).About("why each was passed over")),
	},
	"stale-epoch": {openapi.May("owner", openapi.Ref("NodeId").About("who owns it now")), openapi.May("currentEpoch", openapi.Ref("Epoch"))},
	"lease-held": {
		openapi.May("owner", openapi.Ref("NodeId").About("who holds it")), openapi.May("currentEpoch", openapi.Ref("Epoch")),
		openapi.May("remainingMs", openapi.Integer().From(1).About("how long the lease still runs")),
	},
	"version-mismatch":  {openapi.May("currentETag", openapi.String().About("the state it is in, as If-Match takes it"))},
	"wrong-node":        {openapi.Must("host", openapi.String().About("where the node is")), openapi.Must("port", openapi.Integer().From(1).To(65535))},
	"unreadable-record": {openapi.Must("key", openapi.String().About("the key in Redis")), openapi.Must("reason", openapi.String())},
	"cursor-gone": {
		openapi.May("oldest", openapi.String().About("of messages: the cursor from which nothing that is kept is missed")),
		openapi.May("latest", openapi.String().About("of events: the cursor of now")),
	},
}

// retriedCodes are the codes whose answers always say in Retry-After when to come back.
var retriedCodes = []string{rateLimited.code, noCapacity.code, storeUnavailable.code, draining.code, leaseHeld.code}

// problemSchema is the name of the schema of a code's problems: SessionNotFoundProblem.
func problemSchema(code string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(code, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String() + "Problem"
}

func problemSchemas() openapi.Schemas {
	var all openapi.Schemas
	for _, k := range kinds {
		all = append(all, openapi.Named(problemSchema(k.code), openapi.Object(slices.Concat([]openapi.Property{
			openapi.Must("type", openapi.Only("string", k.because("").Type)),
			openapi.Must("title", openapi.String().Like(k.title)),
			openapi.Must("status", openapi.Only("integer", k.status)),
			openapi.Must("detail", openapi.String().About("for people")),
			openapi.Must("code", openapi.Only("string", k.code)),
			openapi.Must("requestId", openapi.Text(1, MaxRequestID)),
		}, problemMembers[k.code])...).About(k.title+".")))
	}
	return all
}

// problemOneOf is a problem of one of these codes.
func problemOneOf(codes []string) *openapi.Schema {
	if len(codes) == 1 {
		return openapi.Ref(problemSchema(codes[0]))
	}
	s := &openapi.Schema{Discriminator: &openapi.Discriminator{Property: "code", Mapping: map[string]string{}}}
	for _, code := range codes {
		ref := openapi.Ref(problemSchema(code))
		s.OneOf = append(s.OneOf, ref)
		s.Discriminator.Mapping[code] = ref.Ref
	}
	return s
}

// problemAnswers are the answers of these codes, one for each status. It fails where there is no such code.
func problemAnswers(codes []string) (openapi.Responses, error) {
	byStatus := map[string][]string{}
	titles := map[string][]string{}
	for _, code := range codes {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.code == code })
		if i < 0 {
			return nil, fmt.Errorf("httpapi: no problem has the code %q", code)
		}
		status := strconv.Itoa(kinds[i].status)
		byStatus[status] = append(byStatus[status], code)
		titles[status] = append(titles[status], "`"+code+"`: "+kinds[i].title)
	}
	var all openapi.Responses
	for _, status := range sortedKeys(byStatus) {
		codes := byStatus[status]
		r := &openapi.Response{
			Description: strings.Join(titles[status], ". ") + ".",
			Content:     openapi.Forms{openapi.Form(typeProblem, &openapi.MediaType{Schema: problemOneOf(codes)})},
		}
		waits := func(code string) bool { return slices.Contains(retriedCodes, code) }
		if slices.ContainsFunc(codes, waits) {
			r.Headers = append(r.Headers, openapi.NamedHeader{Name: "Retry-After", Value: &openapi.Header{
				Description: "seconds to wait", Schema: openapi.Integer().From(1),
				Required: !slices.ContainsFunc(codes, func(code string) bool { return !waits(code) }),
			}})
		}
		all = append(all, openapi.Member[*openapi.Response]{Name: status, Value: r})
	}
	return all, nil
}

// Codes that several routes answer with.
var (
	ofReads  = []string{"invalid-request", "store-unavailable"}
	ofWrites = []string{"invalid-request", "too-large", "unsupported-media-type", "store-unavailable"} // of what has a body
)

func also(common []string, more ...string) []string { return slices.Concat(common, more) }
