package session

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Order says in what order a list shows sessions.
type Order string

// The orders that a list offers. An id begins with the time at which its session was asked for, by the clock of the node that was asked.
const (
	ByID        Order = "id"         // by partition, and by id within one: no order that a reader would expect, and the cheapest
	OldestFirst Order = "createdAt"  // by id, over the whole fleet
	NewestFirst Order = "-createdAt" // the same backwards
)

// Orders lists every order.
var Orders = []Order{ByID, OldestFirst, NewestFirst}

// Listing is what is asked of a list.
type Listing struct {
	Filter
	Order Order  // empty: ByID
	Limit int    // sessions of one page, 1 to MaxPage
	Token string // where to go on, as the page before told; empty: at the beginning
}

// Filter selects sessions; an empty field selects all.
type Filter struct {
	Types     []string // one of them
	Statuses  []Status // one of them
	Owners    []NodeID // one of them
	Workspace string
	Labels    Selector
}

// Validate checks every field against its limit. It returns an *InvalidError that names the query parameter.
func (f Filter) Validate() error {
	return firstError(
		validChoices("type", f.Types, func(t string) error { return token("type", t, MaxType) }),
		validChoices("status", f.Statuses, validStatus),
		validChoices("owner", f.Owners, validOwner),
		validWorkspace(f.Workspace),
		f.Labels.validate(),
	)
}

func validOwner(id NodeID) error {
	if _, err := ParseNodeID(string(id)); err != nil {
		return Invalid("owner", strings.TrimPrefix(err.Error(), "node "))
	}
	return nil
}

func validWorkspace(s string) error {
	if s == "" {
		return nil
	}
	return text("workspace", s, MaxWorkspace)
}

func validChoices[T ~string](field string, choices []T, valid func(T) error) error {
	if len(choices) > MaxChoices {
		return Invalid(field, fmt.Sprintf("names %d values, at most %d are allowed", len(choices), MaxChoices))
	}
	for _, c := range choices {
		if err := valid(c); err != nil {
			return err
		}
	}
	return nil
}

// Match reports whether s is selected.
func (f Filter) Match(s Session) bool {
	return chosen(f.Types, s.Type) && chosen(f.Statuses, s.Status) && chosen(f.Owners, s.Owner()) &&
		(f.Workspace == "" || s.Workspace == f.Workspace) && f.Labels.Match(s.Labels)
}

func chosen[T comparable](choices []T, is T) bool {
	return len(choices) == 0 || slices.Contains(choices, is)
}

// Text returns a text that two filters share where they ask for the same, in whatever order, and else never.
func (f Filter) Text() string {
	var b strings.Builder
	for _, part := range [][]string{sorted(f.Types), sorted(f.Statuses), sorted(f.Owners), {f.Workspace}, f.Labels.texts()} {
		for _, value := range part {
			b.WriteString(strconv.Quote(value))
		}
		b.WriteByte(';')
	}
	return b.String()
}

func sorted[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// Page is one page of a list. Next is empty on the last one; otherwise it is where the next page starts, good for any node
// and for ever: sessions made or deleted meanwhile never shift it.
type Page struct {
	Sessions []Session
	Next     string
}
