package httpapi

import (
	"fmt"
	"time"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

// Patterns of what several routes take. They are written in what ECMA-262 and Go's regular expressions have in common.
const (
	patternID        = `^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`
	patternNodeID    = `^[A-Za-z0-9][A-Za-z0-9._-]*$`
	patternToken     = `^[A-Za-z0-9._/-]+$`
	patternText      = `^[^\x00-\x1f\x7f]*$`
	patternPrintable = `^[ -~]+$`
	patternDuration  = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`
	patternTag       = `(W/)?"[^"\x00-\x20\x7f]*"`
	patternTags      = `^[ \t]*(\*|[ \t,]*` + patternTag + `([ \t]*,[ \t,]*` + patternTag + `)*[ \t,]*)[ \t]*$`
	patternStamp     = `^"[0-9]+\.[0-9]+\.[0-9a-f-]{36}"$`
	patternStampOrNo = `^("[0-9]+\.[0-9]+\.[0-9a-f-]{36}")?$`
)

const (
	exampleID   = "01890a5d-ac96-774b-bcce-b302099a8057"
	exampleETag = `"3.7.01890a5d-ac96-774b-bcce-b302099a8058"`
	exampleTime = "2026-03-04T04:06:07.089Z"
)

// maxEpoch is the largest epoch that may be given: every JSON reader can hold it.
const maxEpoch = 1<<53 - 1

func valueSchemas() openapi.Schemas {
	return openapi.Schemas{
		openapi.Named("SessionId", openapi.String().Match(patternID).Like(exampleID).About("a UUID version 7 in lower case")),
		openapi.Named("NodeId", openapi.Text(1, session.MaxNodeID).Match(patternNodeID).Like("node-1").
			About("letters, digits, `.`, `_` and `-`, beginning with a letter or digit")),
		openapi.Named("Epoch", openapi.Integer().From(1).To(maxEpoch).Like(3).
			About("number of a session's ownership, one more at each change of owner: the fencing token")),
		openapi.Named("Status", openapi.OneOf(session.Statuses...).About("what the session is doing, as its owner reports it")),
		openapi.Named("Labels", labelsSchema(openapi.Text(0, session.MaxLabelValue).Match(patternText))),
		openapi.Named("Config", openapi.Map(nil).About(fmt.Sprintf("any object: up to %d bytes as JSON, and %d levels of objects and arrays, itself included",
			session.MaxConfig, MaxConfigDepth))),
	}
}

func labelsSchema(value *openapi.Schema) *openapi.Schema {
	s := openapi.Map(value).Most(session.MaxLabels).Like(map[string]any{"tier": "gold"}).About("text by key")
	s.PropertyNames = openapi.Text(1, session.MaxLabelKey).Match(patternToken)
	return s
}

func tokenSchema(most int) *openapi.Schema { return openapi.Text(1, most).Match(patternToken) }
func textSchema(most int) *openapi.Schema  { return openapi.Text(1, most).Match(patternText) }

// durationSchema is a duration as it is sent, from least to most; zero says whether 0 is one, too. As text it is bounded by the code alone.
func durationSchema(least, most time.Duration, zero bool, text string) *openapi.Schema {
	number := openapi.Integer().From(max(1, least.Milliseconds())).To(most.Milliseconds()).About("milliseconds")
	s := openapi.Any(openapi.String().Match(patternDuration).Like("30m"), number)
	if zero {
		s.AnyOf = append(s.AnyOf, openapi.Only("integer", 0))
	}
	s.AnyOf = append(s.AnyOf, openapi.Null())
	return s.About(fmt.Sprintf("%s: a duration such as `\"30m\"`, or whole milliseconds, from %s to %s", text, least, most))
}

func consistencyParameter() *openapi.Parameter {
	return openapi.Query("consistency", openapi.OneOf("linearizable", "eventual").Else("linearizable"),
		"`linearizable`: no later read can contradict it. `eventual`: cheaper, from the node's cache (`Age` says how old) or home alone.")
}

func limitParameter(what string) *openapi.Parameter {
	return openapi.Query("limit", openapi.Integer().From(1).To(session.MaxPage).Else(session.DefaultPage), "most "+what+" to return")
}

func ifMatch(what string) *openapi.Parameter {
	return openapi.Heading("If-Match", openapi.String().Match(patternTags).Like(exampleETag),
		"only where "+what+" is in one of these states, as `ETag` named them; `*`: any. Else 412 `version-mismatch`.")
}

func ifNoneMatch() *openapi.Parameter {
	return openapi.Heading("If-None-Match", openapi.String().Match(patternTags).Like(exampleETag), "states that the caller knows: 304 where it is in one of them")
}

func sessionEpoch() *openapi.Parameter {
	return openapi.Heading(epochHeader, openapi.Ref("Epoch"),
		"the epoch under which the caller holds the session. Where it is another one by now: 409 `stale-epoch`, and the caller must stop acting for it.")
}

func idempotencyKey(text string) *openapi.Parameter {
	return openapi.Heading(idempotencyHeader, openapi.Text(1, session.MaxIdempotencyKey).Match(patternPrintable).Like("order-17"), text)
}

func sessionID() *openapi.Parameter {
	return openapi.Path("id", openapi.Ref("SessionId"), "the session")
}
func nodeParameter() *openapi.Parameter {
	return openapi.Path("id", openapi.Ref("NodeId"), "the node")
}
