package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerType(t *testing.T) {
	t.Parallel()
	const json, msgpack = "application/json", "application/msgpack"
	for accept, want := range map[string]string{
		"": json, "*/*": json, "application/*": json, json: json, "text/html": json, "application/xml;q=0.9, image/*": json, "msgpack": json, ";;,,": json,
		msgpack: msgpack, "application/x-msgpack": "application/x-msgpack", "application/vnd.msgpack": "application/vnd.msgpack", "Application/MsgPack": msgpack,
		msgpack + ", */*": msgpack, "*/*, " + msgpack: msgpack, msgpack + ", " + json: msgpack, json + "," + msgpack: msgpack, msgpack + ";v=5": msgpack,
		msgpack + ";q=0.5": msgpack, msgpack + ";q=0.5, */*;q=0.1": msgpack, msgpack + ";q=0.5, text/html": msgpack, msgpack + ";q=0.9, " + json + ";q=0.8": msgpack,
		msgpack + ";q=0.5, */*": json, msgpack + ";q=0.5, application/*": json, msgpack + ";q=0.9," + json: json,
		msgpack + ";q=0.5, */*, " + json + ";q=0.1": msgpack, // what names JSON itself decides for it
		msgpack + ";q=0.5, " + json + ";q=0.1, */*": msgpack, msgpack + ";q=0.5, application/*;q=0.4, */*": msgpack,
		msgpack + ";q=0": json, msgpack + ";q=0, */*": json, msgpack + ";q=0.0, " + json + ";q=0": json, msgpack + ";q=0, application/x-msgpack": "application/x-msgpack",
		"application/x-msgpack;q=0.4, " + msgpack: msgpack, msgpack + ", application/x-msgpack": msgpack,
		msgpack + ";q=x": msgpack, msgpack + ";q=7, " + json: msgpack, "text/event-stream, " + msgpack: msgpack,
	} {
		h := http.Header{}
		if accept != "" {
			h["Accept"] = []string{accept}
		}
		require.Equal(t, want, answerType(h), accept)
		if before, after, two := strings.Cut(accept, ","); two { // a header on two lines is one list
			h["Accept"] = []string{before, after}
			require.Equal(t, want, answerType(h), accept)
		}
	}
}
