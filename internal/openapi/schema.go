package openapi

// Schema is a JSON Schema (draft 2020-12) of those keywords that are in use here.
type Schema struct {
	Ref           string           `json:"$ref,omitempty"`
	Title         string           `json:"title,omitempty"`
	Description   string           `json:"description,omitempty"`
	Type          any              `json:"type,omitempty"` // a string, or several
	Format        string           `json:"format,omitempty"`
	Const         any              `json:"const,omitempty"`
	Enum          []any            `json:"enum,omitempty"`
	Pattern       string           `json:"pattern,omitempty"`
	MinLength     *int             `json:"minLength,omitempty"`
	MaxLength     *int             `json:"maxLength,omitempty"`
	Minimum       *int64           `json:"minimum,omitempty"`
	Maximum       *int64           `json:"maximum,omitempty"`
	Properties    Ordered[*Schema] `json:"properties,omitempty"`
	Required      []string         `json:"required,omitempty"`
	Additional    any              `json:"additionalProperties,omitempty"` // a *Schema, or false
	PropertyNames *Schema          `json:"propertyNames,omitempty"`
	MaxProperties *int             `json:"maxProperties,omitempty"`
	Items         *Schema          `json:"items,omitempty"`
	MinItems      *int             `json:"minItems,omitempty"`
	MaxItems      *int             `json:"maxItems,omitempty"`
	AnyOf         []*Schema        `json:"anyOf,omitempty"`
	OneOf         []*Schema        `json:"oneOf,omitempty"`
	Not           *Schema          `json:"not,omitempty"`
	Discriminator *Discriminator   `json:"discriminator,omitempty"`
	Default       any              `json:"default,omitempty"`
	Examples      []any            `json:"examples,omitempty"`
}

// Discriminator names the member that tells which of several schemas is meant.
type Discriminator struct {
	Property string            `json:"propertyName"`
	Mapping  map[string]string `json:"mapping"`
}

// Property is one member of an object.
type Property struct {
	name     string
	schema   *Schema
	required bool
}

// Must is a member that is always there.
func Must(name string, s *Schema) Property { return Property{name, s, true} }

// May is a member that may be left out.
func May(name string, s *Schema) Property { return Property{name, s, false} }

// Object is an object of these members and no others.
func Object(members ...Property) *Schema {
	s := &Schema{Type: "object", Additional: false}
	for _, m := range members {
		s.Properties = append(s.Properties, Member[*Schema]{m.name, m.schema})
		if m.required {
			s.Required = append(s.Required, m.name)
		}
	}
	return s
}

// Map is an object of any members whose values are all of one schema; nil is any.
func Map(values *Schema) *Schema {
	s := &Schema{Type: "object"}
	if values != nil {
		s.Additional = values
	}
	return s
}

// Array is an array of elements.
func Array(elements *Schema) *Schema { return &Schema{Type: "array", Items: elements} }

// String is a string.
func String() *Schema { return &Schema{Type: "string"} }

// Text is a string of min to max characters.
func Text(least, most int) *Schema {
	return &Schema{Type: "string", MinLength: &least, MaxLength: &most}
}

// Time is a time (RFC 3339).
func Time() *Schema { return &Schema{Type: "string", Format: "date-time"} }

// Integer is a whole number of 64 bits.
func Integer() *Schema { return &Schema{Type: "integer", Format: "int64"} }

// Count is a whole number from 0 on.
func Count() *Schema { return Integer().From(0) }

// Number is any number.
func Number() *Schema { return &Schema{Type: "number", Format: "double"} }

// Boolean is true or false.
func Boolean() *Schema { return &Schema{Type: "boolean"} }

// OneOf is one of several strings.
func OneOf[T ~string](values ...T) *Schema {
	s := &Schema{Type: "string"}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// Only is one value of a type.
func Only(kind string, value any) *Schema { return &Schema{Type: kind, Const: value} }

// Any is any value that one of the schemas admits.
func Any(schemas ...*Schema) *Schema { return &Schema{AnyOf: schemas} }

// About says what the value is.
func (s *Schema) About(text string) *Schema { s.Description = text; return s }

// Like gives an example.
func (s *Schema) Like(example any) *Schema { s.Examples = append(s.Examples, example); return s }

// Match demands a pattern, in the part of ECMA-262 that Go's regular expressions share.
func (s *Schema) Match(pattern string) *Schema { s.Pattern = pattern; return s }

// From sets the least that a number may be.
func (s *Schema) From(least int64) *Schema { s.Minimum = &least; return s }

// To sets the most that a number may be.
func (s *Schema) To(most int64) *Schema { s.Maximum = &most; return s }

// Else says what is taken where the value is not given.
func (s *Schema) Else(value any) *Schema { s.Default = value; return s }

// Least sets the number of elements that there must be.
func (s *Schema) Least(n int) *Schema { s.MinItems = &n; return s }

// Most sets the number of elements, or of members, that there may be.
func (s *Schema) Most(n int) *Schema {
	if s.Type == "object" {
		s.MaxProperties = &n
	} else {
		s.MaxItems = &n
	}
	return s
}

// OrNull admits null beside the one type that s has.
func (s *Schema) OrNull() *Schema {
	s.Type = []string{s.Type.(string), "null"}
	if s.Enum != nil {
		s.Enum = append(s.Enum, nil)
	}
	return s
}
