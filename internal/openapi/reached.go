package openapi

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Where the components are, as a reference names them.
const (
	schemas    = "#/components/schemas/"
	parameters = "#/components/parameters/"
	headers    = "#/components/headers/"
)

// Ref refers to a schema of the components.
func Ref(name string) *Schema { return &Schema{Ref: schemas + name} }

// RefParameter refers to a parameter of the components.
func RefParameter(name string) *Parameter { return &Parameter{Ref: parameters + name} }

// RefHeader refers to a header of the components.
func RefHeader(name string) *Header { return &Header{Ref: headers + name} }

// Referred is the name that a reference ends in.
func Referred(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// reached returns the components that from refers to, directly or through others, and those schemas that are to be kept. It fails where
// a reference leads nowhere.
func (c Components) reached(from any, keep []string) (Components, error) {
	seen := map[string]bool{}
	var visit func(v any) error
	visit = func(v any) error {
		for _, ref := range references(v) {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			target := c.find(ref)
			if target == nil {
				return fmt.Errorf("openapi: %s is referred to and not there", ref)
			}
			if err := visit(target); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range keep {
		if err := visit(Ref(name)); err != nil {
			return Components{}, err
		}
	}
	if err := visit(from); err != nil {
		return Components{}, err
	}
	return Components{
		Schemas:    only(c.Schemas, schemas, seen),
		Parameters: only(c.Parameters, parameters, seen),
		Headers:    only(c.Headers, headers, seen),
	}, nil
}

// Parameter is p, or the one that it refers to.
func (c Components) Parameter(p *Parameter) *Parameter {
	if p.Ref == "" {
		return p
	}
	return c.Parameters.Get(Referred(p.Ref))
}

// find returns what a reference refers to, or nil.
func (c Components) find(ref string) any {
	name := Referred(ref)
	switch {
	case ref == schemas+name && c.Schemas.Get(name) != nil:
		return c.Schemas.Get(name)
	case ref == parameters+name && c.Parameters.Get(name) != nil:
		return c.Parameters.Get(name)
	case ref == headers+name && c.Headers.Get(name) != nil:
		return c.Headers.Get(name)
	}
	return nil
}

func only[V any](all Ordered[V], prefix string, seen map[string]bool) Ordered[V] {
	some := Ordered[V]{}
	for _, m := range all {
		if seen[prefix+m.Name] {
			some = append(some, m)
		}
	}
	return some
}

// references returns every $ref in v as it is written, in examples aside.
func references(v any) (refs []string) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil // and so does the writing of the whole document, which tells
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if ref, ok := member.(string); ok && name == "$ref" {
					refs = append(refs, ref)
				} else if name != "example" && name != "examples" {
					walk(member)
				}
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(tree)
	return refs
}
