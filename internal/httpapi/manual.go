package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/openapi"
	"orchestrator/internal/session"
)

// maxSearch bounds what /docs is asked to look for, in characters.
const maxSearch = 100

// manual is the description of what this node offers. It is written when it is first asked for, and does not change.
type manual struct {
	document *openapi.Document
	json     []byte
	page     []byte
}

func (a *api) writeManual() (*manual, error) {
	d, err := a.document()
	if err != nil {
		return nil, err
	}
	m := &manual{document: d}
	if m.json, err = d.JSON(); err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	m.page, err = openapi.Page(d, "")
	return m, err
}

func (a *api) showOpenAPI(c *gin.Context, _ query) error {
	m, err := a.manual()
	if err != nil {
		return err
	}
	return sendCached(c, typeJSON, m.json)
}

// showDocs shows the document to people. What is looked for is looked for here, so that the page needs no scripts.
func (a *api) showDocs(c *gin.Context, q query) error {
	words := q.get("q")
	if n := utf8.RuneCountInString(words); n > maxSearch {
		return session.Invalid("q", fmt.Sprintf("has %d characters, at most %d are allowed", n, maxSearch))
	}
	m, err := a.manual()
	if err != nil {
		return err
	}
	page := m.page
	if words != "" {
		if page, err = openapi.Page(m.document, words); err != nil {
			return err
		}
	}
	return sendCached(c, "text/html; charset=utf-8", page, "Content-Security-Policy", pagePolicy(openapi.Style()))
}

// sendCached answers with a body that callers may keep, and nothing where they have it already. headers are pairs of name and value.
func sendCached(c *gin.Context, mediaType string, body []byte, headers ...string) error {
	known, err := entityTags("If-None-Match", c.Request.Header)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	current := hex.EncodeToString(sum[:16])
	for i := 0; i < len(headers); i += 2 {
		c.Header(headers[i], headers[i+1])
	}
	c.Header("ETag", quote(current))
	c.Header("Cache-Control", "no-cache") // which is: ask whether it is still that one
	if slices.ContainsFunc(known, func(t tag) bool { return t.any || t.value == current }) {
		c.Status(http.StatusNotModified)
		return nil
	}
	send(c, http.StatusOK, mediaType, body)
	return nil
}
