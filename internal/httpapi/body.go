package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

const (
	typeJSON       = "application/json"
	typeMergePatch = "application/merge-patch+json"
	typeNDJSON     = "application/x-ndjson"
)

// readObject reads a body that must be one JSON object.
func readObject(c *gin.Context, accepted ...string) (map[string]any, error) {
	body, _, err := readBody(c, MaxBody, accepted...)
	if err != nil {
		return nil, err
	}
	return parseObject(body)
}

// readOptionalObject is readObject for a body that may be left out: no members then.
func readOptionalObject(c *gin.Context) (map[string]any, error) {
	body, err := readOptional(c)
	if err != nil || body == nil {
		return nil, err
	}
	return parseObject(body)
}

// readBody returns the whole body and its media type, which must be one of accepted. An empty body is an error.
func readBody(c *gin.Context, limit int, accepted ...string) (body []byte, mediaType string, err error) {
	body, err = readLimited(c, limit)
	if err != nil {
		return nil, "", err
	}
	if len(body) == 0 {
		return nil, "", session.Invalid("body", "is required")
	}
	mediaType, err = mediaTypeOf(c.Request.Header, accepted)
	if err != nil {
		return nil, "", err
	}
	if !utf8.Valid(body) {
		return nil, "", session.Invalid("body", "must be valid UTF-8")
	}
	return body, mediaType, nil
}

// readOptional is readBody for a JSON body that may be left out.
func readOptional(c *gin.Context) ([]byte, error) {
	if c.Request.ContentLength == 0 {
		return nil, nil
	}
	body, err := readLimited(c, MaxBody)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if _, err := mediaTypeOf(c.Request.Header, []string{typeJSON}); err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, session.Invalid("body", "must be valid UTF-8")
	}
	return body, nil
}

// readLimited refuses a body that is announced too long before reading any of it, and one that turns out so as soon as it does.
func readLimited(c *gin.Context, limit int) ([]byte, error) {
	r := c.Request
	if r.ContentLength > int64(limit) {
		return nil, &session.TooLargeError{Thing: "body", Used: int(r.ContentLength), Limit: limit}
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, r.Body, int64(limit)))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge.because(fmt.Sprintf("body is larger than %d bytes", limit)).capped(limit)
	case err != nil && r.Context().Err() != nil:
		return nil, fmt.Errorf("read the body: %w", r.Context().Err())
	case err != nil:
		return nil, session.Invalid("body", "could not be read to its end")
	}
	return body, nil
}

// mediaTypeOf returns the body's media type where it is accepted, in UTF-8 and not encoded otherwise.
func mediaTypeOf(h http.Header, accepted []string) (string, error) {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return "", unsupportedMediaType.because("Content-Encoding " + enc + " is not supported: send the body as it is")
	}
	want := "send Content-Type: " + strings.Join(accepted, " or ")
	given := h.Get("Content-Type")
	if given == "" {
		return "", unsupportedMediaType.because("the body has no Content-Type: " + want)
	}
	mediaType, params, err := mime.ParseMediaType(given)
	if err != nil || !slices.Contains(accepted, mediaType) {
		return "", unsupportedMediaType.because("Content-Type " + given + " is not supported here: " + want)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", unsupportedMediaType.because("charset " + charset + " is not supported: send UTF-8")
	}
	return mediaType, nil
}
