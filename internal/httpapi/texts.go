package httpapi

import "strings"

// texts makes strings of a body's bytes, several in one allocation.
type texts struct{ chunk strings.Builder }

// chunkSize bounds what a string that is kept keeps of others, in bytes.
const chunkSize = 512

// of returns b as a string.
func (t *texts) of(b []byte) string {
	if len(b) > chunkSize/4 {
		return string(b)
	}
	if t.chunk.Cap()-t.chunk.Len() < len(b) {
		t.chunk = strings.Builder{}
		t.chunk.Grow(chunkSize)
	}
	from := t.chunk.Len()
	t.chunk.Write(b)
	return t.chunk.String()[from:]
}
