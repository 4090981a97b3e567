package httpapi

import "errors"

// packedKind is what a MessagePack value is.
type packedKind byte

const (
	packedNever packedKind = iota // the byte 0xc1
	packedNil
	packedFalse
	packedTrue
	packedUnsigned
	packedSigned
	packedFloat
	packedText
	packedBinary
	packedExtension
	packedArray
	packedObject
)

// head is what a value's first bytes say (https://github.com/msgpack/msgpack/blob/master/spec.md).
type head struct {
	kind     packedKind
	lead     int // bytes before its own
	size     int // its own bytes
	children int // values that follow and lie inside it; two for each member of an object
}

var (
	errPackedShort = errors.New("it ends too early")
	errPackedNever = errors.New("it holds the byte 0xc1, which is never used")
)

// forms are the values whose first byte is 0xc0 to 0xdf. Those of a fixed size have their own bytes right behind it; of the others, width bytes
// tell a length.
var forms = [32]struct {
	kind        packedKind
	size, width int
}{
	{packedNil, 0, 0}, {packedNever, 0, 0}, {packedFalse, 0, 0}, {packedTrue, 0, 0},
	{packedBinary, 0, 1}, {packedBinary, 0, 2}, {packedBinary, 0, 4}, {packedExtension, 0, 1}, {packedExtension, 0, 2}, {packedExtension, 0, 4},
	{packedFloat, 4, 0}, {packedFloat, 8, 0},
	{packedUnsigned, 1, 0}, {packedUnsigned, 2, 0}, {packedUnsigned, 4, 0}, {packedUnsigned, 8, 0},
	{packedSigned, 1, 0}, {packedSigned, 2, 0}, {packedSigned, 4, 0}, {packedSigned, 8, 0},
	{packedExtension, 2, 0}, {packedExtension, 3, 0}, {packedExtension, 5, 0}, {packedExtension, 9, 0}, {packedExtension, 17, 0},
	{packedText, 0, 1}, {packedText, 0, 2}, {packedText, 0, 4}, {packedArray, 0, 2}, {packedArray, 0, 4}, {packedObject, 0, 2}, {packedObject, 0, 4},
}

// headOf reads the head at the start of b. All of a value's own bytes are in b where there is no error.
func headOf(b []byte) (h head, err error) {
	if len(b) == 0 {
		return head{}, errPackedShort
	}
	switch c := b[0]; {
	case c <= 0x7f:
		h = head{kind: packedUnsigned, size: 1}
	case c >= 0xe0:
		h = head{kind: packedSigned, size: 1}
	case c <= 0x8f:
		h = head{kind: packedObject, lead: 1, children: 2 * int(c&0x0f)}
	case c <= 0x9f:
		h = head{kind: packedArray, lead: 1, children: int(c & 0x0f)}
	case c <= 0xbf:
		h = head{kind: packedText, lead: 1, size: int(c & 0x1f)}
	default:
		if h, err = longHead(b); err != nil {
			return head{}, err
		}
	}
	if len(b) < h.lead+h.size {
		return head{}, errPackedShort
	}
	return h, nil
}

// moreThanAny is more than a body has, of bytes or values: whoever promises as much is refused for it.
const moreThanAny = 1 << 29

func longHead(b []byte) (head, error) {
	form := forms[b[0]-0xc0]
	h := head{kind: form.kind, lead: 1 + form.width, size: form.size}
	if h.kind == packedNever {
		return head{}, errPackedNever
	}
	if form.width == 0 {
		return h, nil
	}
	if len(b) < h.lead {
		return head{}, errPackedShort
	}
	length := int(min(bigEndian(b[1:h.lead]), moreThanAny))
	switch {
	case h.kind == packedObject:
		h.children = 2 * length
	case h.kind == packedArray:
		h.children = length
	case h.kind == packedExtension:
		h.size = 1 + length // its type
	default:
		h.size = length
	}
	return h, nil
}

// extent is how far a value goes: where it ends, and how long it is as JSON at the least.
type extent struct{ end, json int }

// measure finds out how far the value at from goes. Values inside a value only add to how many are to come, so that depth costs nothing; more of
// them than bytes are left is refused at once.
func measure(b []byte, from int) (extent, error) {
	x := extent{end: from}
	for open := 1; open > 0; {
		h, err := headOf(b[x.end:])
		if err != nil {
			return extent{}, err
		}
		x.end += h.lead + h.size
		if open += h.children - 1; open > len(b)-x.end {
			return extent{}, errPackedShort
		}
		x.json += h.json()
	}
	x.json-- // nothing follows the last
	return x, nil
}

// json returns how long the value is as JSON at the least, with the comma or colon behind it but without the values inside it.
func (h head) json() int {
	switch {
	case h.kind == packedText:
		return len(`"",`) + h.size
	case h.kind < packedArray:
		return len(`0,`)
	case h.children == 0:
		return len(`[],`)
	}
	return len(`[],`) - len(`,`) // the last value inside has no comma
}
