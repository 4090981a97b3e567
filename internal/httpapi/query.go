package httpapi

import (
	"net/url"
	"slices"

	"orchestrator/internal/session"
)

// query holds a request's query parameters, each known to its route and, unless it may be repeated, given once.
type query url.Values

// parseQuery reads the raw query. one and many name the parameters the route knows; those of many may be given repeatedly.
func parseQuery(raw string, one, many []string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, session.Invalid("query", "is not well formed: use %XX escapes and '&' between parameters")
	}
	for _, name := range sortedKeys(values) {
		single := slices.Contains(one, name)
		switch {
		case !single && !slices.Contains(many, name):
			return nil, session.Invalid(clip(name), "is not a query parameter of this route")
		case single && len(values[name]) > 1:
			return nil, session.Invalid(name, "is given more than once in the query")
		}
	}
	return query(values), nil
}

// get returns a parameter that may be given once; "" where it is absent.
func (q query) get(name string) string { return url.Values(q).Get(name) }

// has reports whether the parameter is given, with a value or without.
func (q query) has(name string) bool { return url.Values(q).Has(name) }

// all returns every value of a parameter.
func (q query) all(name string) []string { return q[name] }
