package bench

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// Encoding is how bodies are written.
type Encoding string

// The encodings of the API. Both have the same members under the same names.
const (
	JSON    Encoding = "json"
	MsgPack Encoding = "msgpack"
)

// mediaType is what Content-Type and Accept say.
func (e Encoding) mediaType() string { return "application/" + string(e) }

// patchType is the media type of a change.
func (e Encoding) patchType() string {
	if e == JSON {
		return "application/merge-patch+json"
	}
	return e.mediaType()
}

// marshal encodes v by its json tags. It is called once a template, not once a request.
func (e Encoding) marshal(v any) ([]byte, error) {
	if e == JSON {
		return json.Marshal(v)
	}
	var out bytes.Buffer
	enc := msgpack.NewEncoder(&out)
	enc.SetCustomStructTag("json")
	err := enc.Encode(v)
	return out.Bytes(), err
}

// unmarshal decodes an answer by its own Content-Type: problems may come in another form than the one asked for.
func unmarshal(h http.Header, body []byte, v any) error {
	if !saysMsgPack(h) {
		return json.Unmarshal(body, v)
	}
	dec := msgpack.NewDecoder(bytes.NewReader(body))
	dec.SetCustomStructTag("json")
	return dec.Decode(v)
}

func saysMsgPack(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && strings.HasSuffix(mediaType, "msgpack")
}
