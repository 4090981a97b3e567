package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	typeProblem    = "application/problem+json"
)

// typesMsgpack are the names of MessagePack, the first of them ours.
var typesMsgpack = []string{"application/msgpack", "application/x-msgpack", "application/vnd.msgpack"}

// packed reports whether a media type is MessagePack.
func packed(mediaType string) bool { return slices.Contains(typesMsgpack, mediaType) }

// readObject reads a body that must be one object, in MessagePack or one of accepted, which are JSON.
func readObject(c *gin.Context, accepted ...string) (map[string]any, error) {
	body, mediaType, err := readBody(c, MaxBody, accepted...)
	if err != nil {
		return nil, err
	}
	if body == nil {
		return nil, session.Invalid("body", "is required")
	}
	return parseAs(mediaType, body)
}

// readOptionalObject is readObject for a body that may be left out: no members then.
func readOptionalObject(c *gin.Context) (map[string]any, error) {
	if c.Request.ContentLength == 0 {
		return nil, nil
	}
	body, mediaType, err := readBody(c, MaxBody, typeJSON)
	if err != nil || body == nil {
		return nil, err
	}
	return parseAs(mediaType, body)
}

func parseAs(mediaType string, body []byte) (map[string]any, error) {
	if packed(mediaType) {
		return parsePacked(body)
	}
	return parseObject(body)
}

// readBody returns the whole body, nil where it is empty, and its media type, which must be MessagePack or one of accepted. Those are text, and
// as such UTF-8.
func readBody(c *gin.Context, limit int, accepted ...string) (body []byte, mediaType string, err error) {
	body, err = readLimited(c, limit)
	if err != nil || len(body) == 0 {
		return nil, "", err
	}
	mediaType, err = mediaTypeOf(c.Request.Header, accepted)
	if err != nil {
		return nil, "", err
	}
	if !packed(mediaType) && !utf8.Valid(body) {
		return nil, "", session.Invalid("body", "must be valid UTF-8")
	}
	return body, mediaType, nil
}

// roomForBody bounds the memory that a caller gets for announcing a body, in bytes. More is once it is sent.
const roomForBody = 64 << 10

// readLimited refuses a body that is announced too long before reading any of it, and one that turns out so as soon as it does. The request's time
// begins once it is read.
func readLimited(c *gin.Context, limit int) ([]byte, error) {
	r := c.Request
	if r.ContentLength > int64(limit) {
		return nil, &session.TooLargeError{Thing: "body", Used: int(r.ContentLength), Limit: limit}
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), roomForBody)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(c.Writer, r.Body, int64(limit)))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge.because(fmt.Sprintf("body is larger than %d bytes", limit)).capped(limit)
	case err != nil && errors.Is(r.Context().Err(), context.Canceled):
		return nil, fmt.Errorf("read the body: %w", context.Canceled)
	case err != nil:
		return nil, session.Invalid("body", "could not be read to its end")
	}
	if begin, ok := c.Get(bodyRead); ok {
		begin.(func())()
	}
	return body.Bytes(), nil
}

// mediaTypeOf returns the body's media type where it is MessagePack or one of accepted, in UTF-8 and not encoded otherwise.
func mediaTypeOf(h http.Header, accepted []string) (string, error) {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return "", unsupportedMediaType.because("Content-Encoding " + enc + " is not supported: send the body as it is")
	}
	given := h.Get("Content-Type")
	if slices.Contains(accepted, given) || packed(given) {
		return given, nil
	}
	want := "send Content-Type: " + strings.Join(append(accepted, typesMsgpack[0]), " or ")
	if given == "" {
		return "", unsupportedMediaType.because("the body has no Content-Type: " + want)
	}
	mediaType, params, err := mime.ParseMediaType(given)
	if err != nil || !slices.Contains(accepted, mediaType) && !packed(mediaType) {
		return "", unsupportedMediaType.because("Content-Type " + given + " is not supported here: " + want)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return "", unsupportedMediaType.because("charset " + charset + " is not supported: send UTF-8")
	}
	return mediaType, nil
}
