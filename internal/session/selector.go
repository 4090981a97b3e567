package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Selector selects sessions by their labels: every requirement must be met. An empty one selects all.
type Selector []Requirement

// Operator says what a requirement asks of a label.
type Operator string

// The operators, as kubectl's users know them: a label that a session does not have is not in a set.
const (
	In     Operator = "in"     // the session has the label, with one of the values; also written = and ==
	NotIn  Operator = "notin"  // it has not the label, or with another value; also written !=
	Exists Operator = "exists" // it has the label
	Absent Operator = "absent" // it has not; written !key
)

// Requirement is what a selector asks of one label.
type Requirement struct {
	Key      string
	Operator Operator
	Values   []string // of In and NotIn: in order, each once
}

// Equals asks for a label with one value.
func Equals(key, value string) Requirement { return Requirement{key, In, []string{value}} }

// Met reports whether a session meets the requirement whose label has the value, or, where has is false, is not there.
func (r Requirement) Met(value string, has bool) bool {
	switch r.Operator {
	case Exists:
		return has
	case Absent:
		return !has
	}
	_, found := slices.BinarySearch(r.Values, value)
	return (has && found) == (r.Operator == In)
}

// Match reports whether labels are selected.
func (s Selector) Match(labels map[string]string) bool {
	for _, r := range s {
		if value, has := labels[r.Key]; !r.Met(value, has) {
			return false
		}
	}
	return true
}

// String returns the requirement so that no other one has the same text.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.Key + " " + string(r.Operator))
	for _, v := range r.Values {
		b.WriteString(" " + strconv.Quote(v))
	}
	return b.String()
}

func (s Selector) texts() []string {
	texts := make([]string, len(s))
	for i, r := range s {
		texts[i] = r.String()
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// validate checks the selector against its limits; what it is made of is named as the query does.
func (s Selector) validate() error {
	if len(s) > MaxRequirements {
		return Invalid("labels", fmt.Sprintf("has %d requirements, at most %d are allowed", len(s), MaxRequirements))
	}
	for _, r := range s {
		if err := token("labels key", r.Key, MaxLabelKey); err != nil {
			return Invalid("labels", strings.TrimPrefix(err.Error(), "labels "))
		}
		for _, v := range r.Values {
			if err := labelValue(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func labelValue(v string) error {
	if v == "" {
		return nil
	}
	if err := text("labels", v, MaxLabelValue); err != nil {
		return Invalid("labels", "value "+strings.TrimPrefix(err.Error(), "labels "))
	}
	return nil
}

// ParseSelector reads what kubectl takes after -l: requirements with commas between them, all of which must be met.
//
//	tier=gold   tier==gold   region!=eu   env in (a,b)   env notin (a,b)   team   !old
//
// A value ends at a blank, a comma, a bracket or one of = ! < >: one that holds such a character cannot be written so. It fails with an
// *InvalidError that names the field "labels" and where the text is wrong.
func ParseSelector(s string) (Selector, error) {
	if len(s) > MaxSelector {
		return nil, Invalid("labels", fmt.Sprintf("has %d bytes, at most %d are allowed", len(s), MaxSelector))
	}
	if !utf8.ValidString(s) {
		return nil, Invalid("labels", "must be valid UTF-8")
	}
	p := &selectorParser{text: s}
	var all Selector
	for p.more() {
		all = append(all, p.requirement())
	}
	if p.err != nil {
		return nil, p.err
	}
	return all, all.validate()
}
