package sessionstore

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errTruncated = errors.New("msgpack ends early")

// checkNesting walks msgpack bytes (https://github.com/msgpack/msgpack/blob/master/spec.md) without decoding them and refuses
// what is deeper than limit, cut short, longer than one value, or promises more elements than there are bytes left.
func checkNesting(b []byte, limit int) error {
	open := append(make([]uint64, 0, maxDepth+1), 1) // values still to come at each level
	for len(open) > 0 {
		top := len(open) - 1
		if open[top] == 0 {
			open = open[:top]
			continue
		}
		open[top]--
		skip, children, err := header(b)
		if err != nil {
			return err
		}
		if uint64(len(b)) < skip || children > uint64(len(b)) {
			return errTruncated
		}
		b = b[skip:]
		if children > 0 {
			open = append(open, children)
		}
		if len(open) > limit {
			return fmt.Errorf("msgpack is nested deeper than %d", limit)
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%d bytes follow the msgpack value", len(b))
	}
	return nil
}

// header reads one value's first bytes: how many bytes it takes itself, and how many values lie inside it.
func header(b []byte) (skip, children uint64, err error) {
	if len(b) == 0 {
		return 0, 0, errTruncated
	}
	switch c := b[0]; {
	case c <= 0x7f, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3: // small integers, nil, booleans
		return 1, 0, nil
	case c <= 0x8f: // small map
		return 1, 2 * uint64(c&0x0f), nil
	case c <= 0x9f: // small array
		return 1, uint64(c & 0x0f), nil
	case c <= 0xbf: // small string
		return 1 + uint64(c&0x1f), 0, nil
	case c == 0xc1:
		return 0, 0, errors.New("msgpack holds the byte 0xc1, which is never used")
	default:
		return longHeader(b)
	}
}

// fixed is how many bytes the values of fixed size take, their first byte included: floats, integers and small extensions.
var fixed = [256]uint64{
	0xca: 5, 0xcb: 9, 0xcc: 2, 0xcd: 3, 0xce: 5, 0xcf: 9, 0xd0: 2, 0xd1: 3, 0xd2: 5, 0xd3: 9,
	0xd4: 3, 0xd5: 4, 0xd6: 6, 0xd7: 10, 0xd8: 18,
}

// sized is how many bytes of length follow the first byte of the other values.
var sized = [256]int{
	0xc4: 1, 0xc5: 2, 0xc6: 4, 0xc7: 1, 0xc8: 2, 0xc9: 4, 0xd9: 1, 0xda: 2, 0xdb: 4,
	0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4,
}

func longHeader(b []byte) (skip, children uint64, err error) {
	if n := fixed[b[0]]; n > 0 {
		return n, 0, nil
	}
	width := sized[b[0]]
	if len(b) < 1+width {
		return 0, 0, errTruncated
	}
	var wide [8]byte
	copy(wide[8-width:], b[1:1+width])
	n, start := binary.BigEndian.Uint64(wide[:]), uint64(1+width)
	switch {
	case b[0] >= 0xde: // maps
		return start, 2 * n, nil
	case b[0] >= 0xdc: // arrays
		return start, n, nil
	case b[0] >= 0xc7 && b[0] <= 0xc9: // extensions carry a type byte
		return start + 1 + n, 0, nil
	default:
		return start + n, 0, nil
	}
}
