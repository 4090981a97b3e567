package openapi

import (
	"bytes"
	"encoding/json"
)

// Ordered is an object whose members keep their order.
type Ordered[V any] []Member[V]

// Member is one of them.
type Member[V any] struct {
	Name  string
	Value V
}

// Get returns the value of a member; the zero value where there is none of that name.
func (o Ordered[V]) Get(name string) (v V) {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return v
}

// MarshalJSON writes the members in their order.
func (o Ordered[V]) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
