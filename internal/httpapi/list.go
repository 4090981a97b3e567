package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

func (a *api) listSessions(c *gin.Context, q query) error {
	want, err := readListing(q)
	if err != nil {
		return err
	}
	page, err := a.cfg.Catalog.List(c.Request.Context(), want)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, pageView(page))
}

func readListing(q query) (session.Listing, error) {
	filter, err := readFilter(q)
	if err != nil {
		return session.Listing{}, err
	}
	limit, err := readLimit(q)
	if err != nil {
		return session.Listing{}, err
	}
	order, err := readOrder(q)
	if err != nil {
		return session.Listing{}, err
	}
	token := q.get("pageToken")
	if len(token) > MaxPageToken {
		return session.Listing{}, session.Invalid("pageToken", fmt.Sprintf("has %d characters, at most %d are allowed", len(token), MaxPageToken))
	}
	return session.Listing{Filter: filter, Order: order, Limit: limit, Token: token}, nil
}

func readOrder(q query) (session.Order, error) {
	if !q.has("orderBy") {
		return session.ByID, nil
	}
	if order := session.Order(q.get("orderBy")); slices.Contains(session.Orders, order) {
		return order, nil
	}
	return "", session.Invalid("orderBy", fmt.Sprintf("must be one of %s, %s, %s", session.ByID, session.OldestFirst, session.NewestFirst))
}

func readFilter(q query) (f session.Filter, err error) {
	for _, name := range []string{"type", "status", "owner", "workspace", "labels"} {
		if q.has(name) && q.get(name) == "" {
			return session.Filter{}, session.Invalid(name, "must not be empty: leave it out to select all")
		}
	}
	f.Types, f.Statuses, f.Owners = choices[string](q, "type"), choices[session.Status](q, "status"), choices[session.NodeID](q, "owner")
	f.Workspace = q.get("workspace")
	if f.Labels, err = readLabels(q.all("label")); err != nil {
		return session.Filter{}, err
	}
	if q.has("labels") {
		more, err := session.ParseSelector(q.get("labels"))
		if err != nil {
			return session.Filter{}, err
		}
		f.Labels = append(f.Labels, more...)
	}
	return f, f.Validate()
}

// choices reads values with commas between them; nil where there are none.
func choices[T ~string](q query, name string) (values []T) {
	if !q.has(name) {
		return nil
	}
	for value := range strings.SplitSeq(q.get(name), ",") {
		values = append(values, T(value))
	}
	return values
}

// readLabels reads k=v pairs; a value may hold '=' itself, and what ends a value in a selector.
func readLabels(pairs []string) (session.Selector, error) {
	if len(pairs) > session.MaxRequirements {
		return nil, session.Invalid("label", fmt.Sprintf("is given %d times, at most %d are allowed", len(pairs), session.MaxRequirements))
	}
	var all session.Selector
	given := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, session.Invalid("label", "must be key=value")
		}
		before, twice := given[key]
		if twice && before != value {
			return nil, session.Invalid("label", fmt.Sprintf("asks for two values of %q: no session has both", clip(key)))
		}
		if given[key] = value; !twice {
			all = append(all, session.Equals(key, value))
		}
	}
	var invalid *session.InvalidError
	if err := (session.Filter{Labels: all}).Validate(); errors.As(err, &invalid) {
		return nil, session.Invalid("label", invalid.Reason)
	}
	return all, nil
}

func readLimit(q query) (int, error) {
	if !q.has("limit") {
		return session.DefaultPage, nil
	}
	limit, err := strconv.Atoi(q.get("limit"))
	if err != nil || limit < 1 || limit > session.MaxPage {
		return 0, session.Invalid("limit", fmt.Sprintf("must be a whole number from 1 to %d", session.MaxPage))
	}
	return limit, nil
}
