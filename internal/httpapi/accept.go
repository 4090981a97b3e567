package httpapi

import (
	"iter"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// answerType returns the media type of an answer that has two encodings (RFC 9110, section 12.5.1): MessagePack where Accept names it and likes it
// no less than JSON, under the name that it was given; JSON else. A caller who accepts neither gets JSON, as the RFC allows: to refuse would
// turn away those who copied a header from elsewhere, and the errors that the refusal must be written in are JSON too.
func answerType(h http.Header) string {
	if !slices.ContainsFunc(h.Values("Accept"), namesMsgpack) {
		return typeJSON
	}
	var json, msgpack float64
	rank, name := -1, typeJSON
	for mediaType, q := range accepted(h) {
		if packed(mediaType) && q > msgpack {
			msgpack, name = q, mediaType
		}
		if r := slices.Index(rangesOfJSON, mediaType); r > rank {
			json, rank = q, r
		}
	}
	if msgpack < json {
		return typeJSON
	}
	return name
}

// rangesOfJSON are what admits JSON; the more telling, which is the later one, decides.
var rangesOfJSON = []string{"*/*", "application/*", typeJSON}

func namesMsgpack(accept string) bool { return strings.Contains(strings.ToLower(accept), "msgpack") }

// accepted goes through Accept: each media range, without its parameters, and its weight from 0 to 1. What cannot be read is left out.
func accepted(h http.Header) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for part := range strings.SplitSeq(strings.Join(h.Values("Accept"), ","), ",") {
			mediaType, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			if err != nil || q > 1 {
				q = 1
			}
			if !yield(mediaType, q) {
				return
			}
		}
	}
}
