package openapi

import "strconv"

// Shorter names of what is written often.
type (
	// Schemas are schemas by name.
	Schemas = Ordered[*Schema]
	// Responses are answers by status.
	Responses = Ordered[*Response]
	// Forms are the forms of a body by media type.
	Forms = Ordered[*MediaType]
	// NamedHeader is a header of an answer.
	NamedHeader = Member[*Header]
)

// Where a parameter is.
const (
	InPath   = "path"
	InQuery  = "query"
	InHeader = "header"
)

// Named is a schema of that name.
func Named(name string, s *Schema) Member[*Schema] { return Member[*Schema]{name, s} }

// Path is a parameter in the path.
func Path(name string, s *Schema, text string) *Parameter {
	return &Parameter{Name: name, In: InPath, Required: true, Schema: s, Description: text}
}

// Query is a parameter of the query that may be left out.
func Query(name string, s *Schema, text string) *Parameter {
	return &Parameter{Name: name, In: InQuery, Schema: s, Description: text}
}

// Heading is a header of the request that may be left out.
func Heading(name string, s *Schema, text string) *Parameter {
	return &Parameter{Name: name, In: InHeader, Schema: s, Description: text}
}

// Form is one form of a body.
func Form(mediaType string, m *MediaType) Member[*MediaType] { return Member[*MediaType]{mediaType, m} }

// Plain is a form that is text of no further structure.
func Plain(mediaType string) Member[*MediaType] { return Form(mediaType, &MediaType{Schema: String()}) }

// Answer is an answer in these forms; in none, one without a body.
func Answer(status int, text string, forms Forms, headers ...NamedHeader) Member[*Response] {
	return Member[*Response]{strconv.Itoa(status), &Response{Description: text, Content: forms, Headers: headers}}
}

// Always is a header that an answer has, Sometimes one that it may have.
func Always(name, text string, s *Schema) NamedHeader {
	return NamedHeader{name, &Header{Description: text, Required: true, Schema: s}}
}

// Sometimes is a header that an answer may have.
func Sometimes(name, text string, s *Schema) NamedHeader {
	return NamedHeader{name, &Header{Description: text, Schema: s}}
}

// Null is null.
func Null() *Schema { return &Schema{Type: "null"} }
