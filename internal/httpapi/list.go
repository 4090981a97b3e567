package httpapi

import (
	"fmt"
	"net/http"
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
	page, err := a.cfg.Catalog.List(c.Request.Context(), want.filter, want.limit, want.token)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, pageView(page))
}

// listing is what a list's query asks for.
type listing struct {
	filter session.Filter
	limit  int
	token  string
}

func readListing(q query) (listing, error) {
	filter, err := readFilter(q)
	if err != nil {
		return listing{}, err
	}
	limit, err := readLimit(q)
	if err != nil {
		return listing{}, err
	}
	token := q.get("pageToken")
	if len(token) > MaxPageToken {
		return listing{}, session.Invalid("pageToken", fmt.Sprintf("has %d characters, at most %d are allowed", len(token), MaxPageToken))
	}
	return listing{filter, limit, token}, nil
}

func readFilter(q query) (session.Filter, error) {
	for _, name := range []string{"type", "status", "owner", "workspace"} {
		if q.has(name) && q.get(name) == "" {
			return session.Filter{}, session.Invalid(name, "must not be empty: leave it out to select all")
		}
	}
	f := session.Filter{
		Type:      q.get("type"),
		Workspace: q.get("workspace"),
		Status:    session.Status(q.get("status")),
		Owner:     session.NodeID(q.get("owner")),
	}
	if q.has("status") && !f.Status.Valid() {
		return session.Filter{}, session.Invalid("status", "must be one of active, idle, completed, failed")
	}
	if q.has("owner") {
		if _, err := session.ParseNodeID(q.get("owner")); err != nil {
			return session.Filter{}, session.Invalid("owner", strings.TrimPrefix(err.Error(), "node "))
		}
	}
	var err error
	f.Labels, err = readLabels(q.all("label"))
	return f, err
}

// readLabels reads k=v pairs; a value may hold '=' itself.
func readLabels(pairs []string) (map[string]string, error) {
	if len(pairs) > session.MaxLabels {
		return nil, session.Invalid("label", fmt.Sprintf("is given %d times, at most %d are allowed", len(pairs), session.MaxLabels))
	}
	labels := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, session.Invalid("label", "must be key=value")
		}
		if before, twice := labels[key]; twice && before != value {
			return nil, session.Invalid("label", fmt.Sprintf("asks for two values of %q: no session has both", clip(key)))
		}
		labels[key] = value
	}
	return labels, nil
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
