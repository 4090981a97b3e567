package openapi

import (
	"encoding/json"
	"strings"
)

// Version is the version of the specification that a Document follows.
const Version = "3.1.0"

// Document is a description of an API. Make it with New.
type Document struct {
	OpenAPI    string               `json:"openapi"`
	Info       Info                 `json:"info"`
	Servers    []Server             `json:"servers"`
	Tags       []Tag                `json:"tags"`
	Paths      Ordered[*Operations] `json:"paths"`
	Components Components           `json:"components"`
}

// Info says what is described.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Summary     string `json:"summary,omitempty"`
	Description string `json:"description,omitempty"`
}

// Server is where the API is.
type Server struct {
	URL string `json:"url"`
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Components are what operations refer to.
type Components struct {
	Schemas    Ordered[*Schema]    `json:"schemas"`
	Parameters Ordered[*Parameter] `json:"parameters"`
	Headers    Ordered[*Header]    `json:"headers"`
}

// Operations are what one path offers, by method in lower case.
type Operations = Ordered[*Operation]

// Operation is one method of one path.
type Operation struct {
	Method string `json:"-"` // in upper case
	Path   string `json:"-"`

	ID          string             `json:"operationId"`
	Tags        []string           `json:"tags"`
	Summary     string             `json:"summary"`
	Description string             `json:"description,omitempty"`
	Parameters  []*Parameter       `json:"parameters,omitempty"`
	Body        *Body              `json:"requestBody,omitempty"`
	Responses   Ordered[*Response] `json:"responses"`
}

// Parameter is one parameter, or a reference to one of the components.
type Parameter struct {
	Ref         string  `json:"$ref,omitempty"`
	Name        string  `json:"name,omitempty"`
	In          string  `json:"in,omitempty"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Style       string  `json:"style,omitempty"`
	Explode     *bool   `json:"explode,omitempty"`
	Schema      *Schema `json:"schema,omitempty"`
	Example     any     `json:"example,omitempty"`
}

// Body is what a request carries.
type Body struct {
	Description string              `json:"description,omitempty"`
	Content     Ordered[*MediaType] `json:"content"`
	Required    bool                `json:"required,omitempty"`
}

// MediaType is one form of a body. What a stream is made of, version 3.1 has no words for: Events and Lines are extensions.
type MediaType struct {
	Schema   *Schema           `json:"schema,omitempty"`
	Example  any               `json:"example,omitempty"`
	Examples Ordered[*Example] `json:"examples,omitempty"`
	Events   Ordered[*Schema]  `json:"x-events,omitempty"` // of text/event-stream: the data of each event, by its name
	Lines    *Schema           `json:"x-lines,omitempty"`  // of lines of JSON: each of them
}

// Example is one example among others.
type Example struct {
	Summary string `json:"summary,omitempty"`
	Value   any    `json:"value"`
}

// Response is one answer.
type Response struct {
	Description string              `json:"description"`
	Headers     Ordered[*Header]    `json:"headers,omitempty"`
	Content     Ordered[*MediaType] `json:"content,omitempty"`
}

// Header is a header of an answer, or a reference to one of the components.
type Header struct {
	Ref         string  `json:"$ref,omitempty"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema,omitempty"`
}

// New returns the description of operations, in their order, with those of the components that they or info refer to. Schemas named in keep are
// kept though nothing refers to them.
func New(info Info, tags []Tag, operations []*Operation, all Components, keep ...string) (*Document, error) {
	d := &Document{OpenAPI: Version, Info: info, Servers: []Server{{URL: "/"}}}
	for _, op := range operations {
		at := d.Paths.Get(op.Path)
		if at == nil {
			at = new(Operations)
			d.Paths = append(d.Paths, Member[*Operations]{op.Path, at})
		}
		*at = append(*at, Member[*Operation]{strings.ToLower(op.Method), op})
	}
	for _, tag := range tags {
		if d.tagged(tag.Name) {
			d.Tags = append(d.Tags, tag)
		}
	}
	used, err := all.reached(d.Paths, keep)
	if err != nil {
		return nil, err
	}
	d.Components = used
	return d, nil
}

// Operations returns every operation in order.
func (d *Document) Operations() (all []*Operation) {
	for _, path := range d.Paths {
		for _, op := range *path.Value {
			all = append(all, op.Value)
		}
	}
	return all
}

func (d *Document) tagged(name string) bool {
	for _, op := range d.Operations() {
		if len(op.Tags) > 0 && op.Tags[0] == name {
			return true
		}
	}
	return false
}

// JSON returns the document.
func (d *Document) JSON() ([]byte, error) { return json.Marshal(d) }
