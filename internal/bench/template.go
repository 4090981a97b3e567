package bench

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"orchestrator/internal/session"
)

// Groups is how many groups sessions are in, by a label of that name: a list selects those of one.
const Groups = 10

// serialHole and groupHole stand in an encoded text where a number of as many digits is to be. Nothing else holds their characters.
const (
	serialHole = "~~~~~~~~~~"
	groupHole  = "^"
)

// template is an encoded body with holes. Filling them costs a copy.
type template struct {
	text            []byte
	serials, groups []int // where the holes are
}

func newTemplate(e Encoding, v any) (template, error) {
	text, err := e.marshal(v)
	if err != nil {
		return template{}, fmt.Errorf("encode a body: %w", err)
	}
	return template{text, holes(text, serialHole), holes(text, groupHole)}, nil
}

func holes(text []byte, hole string) (at []int) {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(hole))
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(hole)
	}
}

// fill returns a body with the serial numbers from first on.
func (t template) fill(first uint64) []byte {
	text := slices.Clone(t.text)
	for i, at := range t.serials {
		digits(text[at:at+len(serialHole)], first+uint64(i))
	}
	for i, at := range t.groups {
		digits(text[at:at+len(groupHole)], (first+uint64(i))%Groups)
	}
	return text
}

// digits writes n's last digits, zeros before them.
func digits(to []byte, n uint64) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = '0' + byte(n%10)
		n /= 10
	}
}

// draft is the body of a create.
type draft struct {
	Type       string             `json:"type"`
	Name       string             `json:"name"`
	Workspace  string             `json:"workspace"`
	Config     map[string]string  `json:"config"`
	Labels     map[string]string  `json:"labels"`
	Durability session.Durability `json:"durability,omitempty"`
}

// newDraft has a hole for its serial number, in its name, and one for its group.
func newDraft(run string, body int) draft {
	d := draft{
		Type: "bench", Name: "bench-" + serialHole, Workspace: "/bench/" + run,
		Config: map[string]string{}, Labels: map[string]string{"bench": run, "group": "g" + groupHole},
	}
	if body > 0 {
		d.Config["prompt"] = prose(body - len(`{"prompt":""}`))
	}
	return d
}

// templates are the bodies of all operations.
type templates struct{ create, batch, patch template }

func newTemplates(c Config, run string) (t templates, err error) {
	d := newDraft(run, c.Body)
	if c.Durability != session.Acked {
		d.Durability = c.Durability
	}
	if t.create, err = newTemplate(c.Encoding, d); err != nil {
		return t, err
	}
	t.batch, err = newBatch(c.Encoding, d, c.Batch)
	if err != nil {
		return t, err
	}
	t.patch, err = newTemplate(c.Encoding, map[string]map[string]string{"labels": {"n": serialHole}})
	return t, err
}

func newBatch(e Encoding, d draft, n int) (template, error) {
	one, err := newTemplate(e, d)
	if err != nil {
		return template{}, err
	}
	if size := n * (len(one.text) + len(",")); size > MaxBatchBody-len(`{"sessions":[]}`) {
		return template{}, &ValueError{"batch", strconv.Itoa(n), fmt.Sprintf("be less: its %d bytes are over the API's limit of %d", size, MaxBatchBody)}
	}
	return newTemplate(e, map[string][]draft{"sessions": slices.Repeat([]draft{d}, n)})
}

var words = strings.Fields(`agent answers before branch build called checks code commit deploys every fails file first fixes from function given
	green issue keeps later line make merge module names never only opens owner patch plain pull query reads review runs same session
	small source step test text that then tool tries under until value waits when with work writes`)

// prose returns n bytes of words, the same each time: what is stored shrinks about as much as people's text would.
func prose(n int) string {
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()[:n]
}
