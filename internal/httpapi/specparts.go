package httpapi

import (
	"strconv"

	"orchestrator/internal/openapi"
)

// Names of components that are no schemas.
const requestIDParameter = "RequestId"

// bothEncodings are the forms of a body that may be JSON, by these names (application/json where there are none), or MessagePack.
func bothEncodings(s *openapi.Schema, example any, names ...string) openapi.Forms {
	if names == nil {
		names = []string{typeJSON}
	}
	var forms openapi.Forms
	for _, name := range names {
		forms = append(forms, openapi.Form(name, &openapi.MediaType{Schema: s, Example: example}))
	}
	return append(forms, openapi.Form(typesMsgpack[0], &openapi.MediaType{Schema: s}))
}

// takes is a body that must be there, mayTake one that may be left out, takesNoFields one that says nothing.
func takes(s *openapi.Schema, example any, names ...string) *openapi.Body {
	return &openapi.Body{Required: true, Content: bothEncodings(s, example, names...)}
}

func mayTake(s *openapi.Schema, example any) *openapi.Body {
	return &openapi.Body{Content: bothEncodings(s, example)}
}

func takesNoFields() *openapi.Body { return mayTake(openapi.Object(), map[string]any{}) }

// answers is an answer in both encodings.
func answers(status int, text string, s *openapi.Schema, example any, headers ...openapi.NamedHeader) openapi.Member[*openapi.Response] {
	return openapi.Answer(status, text, bothEncodings(s, example), headers...)
}

// streamed is the form of server-sent events; each has a name and its data.
func streamed(text string, events ...openapi.Member[*openapi.Schema]) openapi.Member[*openapi.MediaType] {
	return openapi.Form(typeEvents, &openapi.MediaType{Schema: openapi.String().About(text), Events: events})
}

func sharedParameters() openapi.Ordered[*openapi.Parameter] {
	return openapi.Ordered[*openapi.Parameter]{{Name: requestIDParameter, Value: openapi.Heading(requestIDHeader, openapi.String().Like("order-17"),
		"an id for the request, so that one follows it through proxies and nodes: 1 to "+strconv.Itoa(MaxRequestID)+
			" letters, digits, `.`, `_` and `-`. Another is replaced.")}}
}

func sharedHeaders() openapi.Ordered[*openapi.Header] {
	return openapi.Ordered[*openapi.Header]{
		openapi.Always(requestIDHeader, "the request's id", openapi.Text(1, MaxRequestID).Match(`^[A-Za-z0-9._-]+$`)),
		openapi.Always(nodeHeader, "the node that answered", openapi.Ref("NodeId")),
	}
}

// ofEveryAnswer are the headers that no answer is without.
func ofEveryAnswer() []openapi.NamedHeader {
	return []openapi.NamedHeader{
		{Name: requestIDHeader, Value: openapi.RefHeader(requestIDHeader)}, {Name: nodeHeader, Value: openapi.RefHeader(nodeHeader)},
	}
}
