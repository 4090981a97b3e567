package events

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"orchestrator/internal/session"
)

const (
	// Latest is the cursor of now, to those who have none.
	Latest = "latest"

	cursorVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode writes positions as a cursor: the version, how many streams there are, the newest time among them, and for each stream 0, or how
// much older it stands, plus one, and its number within its millisecond with a bit for before; then a checksum that the fleet's prefix goes into.
func (ps positions) encode(prefix string) string {
	var newest uint64
	for _, p := range ps {
		newest = max(newest, p.ms)
	}
	b := make([]byte, 0, 16+6*len(ps))
	b = append(b, cursorVersion)
	b = binary.AppendUvarint(b, uint64(len(ps)))
	b = binary.AppendUvarint(b, newest)
	for _, p := range ps {
		if p.zero() {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, newest-p.ms+1)
		side := p.seq << 1
		if p.before {
			side |= 1
		}
		b = binary.AppendUvarint(b, side)
	}
	b = binary.BigEndian.AppendUint32(b, checksum(prefix, b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func checksum(prefix string, b []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(prefix), castagnoli), castagnoli, b)
}

// decodeCursor reads what encode wrote for the same fleet and as many streams. It fails with a *session.InvalidError.
func decodeCursor(cursor, prefix string, streams int) (positions, error) {
	if len(cursor) > session.MaxCursor {
		return nil, session.Invalid("cursor", fmt.Sprintf("has %d characters, at most %d are allowed", len(cursor), session.MaxCursor))
	}
	bad := session.Invalid("cursor", "is no cursor of this fleet's events: pass one on as it was given, or leave it out")
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 5 || b[0] != cursorVersion {
		return nil, bad
	}
	b, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if checksum(prefix, b) != sum {
		return nil, bad
	}
	r := uvarints{b: b[1:]}
	if n := r.next(); n != uint64(streams) {
		return nil, session.Invalid("cursor", fmt.Sprintf("is of %d streams, and this fleet has %d: it has other partitions", n, streams))
	}
	newest := r.next()
	ps := make(positions, streams)
	for i := range ps {
		older := r.next()
		if older == 0 {
			continue
		}
		side := r.next()
		if older-1 > newest {
			return nil, bad
		}
		ps[i] = position{ms: newest - (older - 1), seq: side >> 1, before: side&1 == 1}
	}
	if r.bad || len(r.b) > 0 {
		return nil, bad
	}
	return ps, nil
}

// uvarints reads one number after the other, and zeroes once there is none.
type uvarints struct {
	b   []byte
	bad bool
}

func (r *uvarints) next() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}
