package bench

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// idLength is how long a session's id is: a UUID as text.
const idLength = 36

// createdID reads a new session's id where the API says it for any encoding.
func createdID(h http.Header) (string, *failure) {
	at := h.Get("Location")
	id := at[strings.LastIndexByte(at, '/')+1:]
	if len(id) != idLength {
		return "", broken("201 with Location %q", at)
	}
	return id, nil
}

// item is one outcome of a batch.
type item struct {
	Status  int `json:"status"`
	Session struct {
		ID string `json:"id"`
	} `json:"session"`
	Problem problem `json:"problem"`
}

// madeItem is how the API writes an item that was made. No text within a session can hold it: quotes in one are escaped.
var madeItem = []byte(`{"status":201,"session":{"id":"`)

// batchItems reads what became of a batch of n sessions: the ids of those made, a failure for each of the others.
func batchItems(a answer, n int) (ids []string, failed []*failure, bad *failure) {
	if !saysMsgPack(a.header) {
		if ids := allMade(a.body, n); ids != nil {
			return ids, nil, nil
		}
	}
	items, err := decodeItems(a)
	if err != nil || len(items) != n {
		return nil, nil, broken("a batch of %d answered with %d results (%v)", n, len(items), err)
	}
	for _, it := range items {
		if it.Status == http.StatusCreated && len(it.Session.ID) == idLength {
			ids = append(ids, it.Session.ID)
			continue
		}
		failed = append(failed, it.Problem.failure(it.Status))
	}
	return ids, failed, nil
}

// allMade finds the ids where all n items were made, without decoding the sessions around them; nil where it is not so.
func allMade(body []byte, n int) []string {
	ids := make([]string, 0, n)
	for {
		i := bytes.Index(body, madeItem)
		if i < 0 {
			break
		}
		body = body[i+len(madeItem):]
		if len(ids) == n || len(body) < idLength {
			return nil
		}
		ids = append(ids, string(body[:idLength]))
	}
	if len(ids) != n {
		return nil
	}
	return ids
}

func decodeItems(a answer) ([]item, error) {
	if saysMsgPack(a.header) {
		return decodePacked(msgpack.NewDecoder(bytes.NewReader(a.body)))
	}
	var all struct {
		Results []item `json:"results"`
	}
	err := json.Unmarshal(a.body, &all)
	return all.Results, err
}

// decodePacked reads {"results":[...]}; the decoder skips what an item does not name.
func decodePacked(dec *msgpack.Decoder) ([]item, error) {
	dec.SetCustomStructTag("json")
	var all struct {
		Results []item `json:"results"`
	}
	err := dec.Decode(&all)
	return all.Results, err
}
