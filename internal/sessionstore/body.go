package sessionstore

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"

	"orchestrator/internal/session"
)

// maxDepth bounds how deep a body may be nested, so that hostile bytes cannot exhaust the stack.
const maxDepth = 64

// maxConfigDepth is how many objects and arrays of a config may lie inside one another, config itself included.
const maxConfigDepth = maxDepth - 2

// A body is what an operator need not read and scripts need not compare: a msgpack map of these members, in this order, without those
// that are empty. Members that this version does not know are passed over, but for one that it would lose something with.
const (
	memberConfig   = "config"   // map, its keys in order
	memberLabels   = "labels"   // refused: labels are a field, and who changed a record that keeps them here would drop them
	memberCreateOp = "createOp" // string
	memberOps      = "ops"      // array of 16 bytes each
	memberFloor    = "floor"    // 16 bytes

	memberDurability = "durability" // string; acked where it is missing

	memberResource    = "resource"    // string: the stamp of the last change of the session itself, where something beside it, or where it lies, changed since
	memberBesideOps   = "besideOps"   // as ops, of what changed messages and context
	memberBesideFloor = "besideFloor" // as floor, of these
)

// bodyWriter writes one body at a time.
type bodyWriter struct {
	out    bytes.Buffer // the format byte and the body
	packed []byte       // the same, compressed
	enc    *msgpack.Encoder
	op     uuid.UUID
}

var writers = sync.Pool{New: func() any {
	w := &bodyWriter{}
	w.enc = msgpack.NewEncoder(&w.out)
	w.enc.SetSortMapKeys(true)
	w.enc.UseCompactInts(true)
	return w
}}

// write leaves the format byte and the record's body in w.out. It fails with a *session.InvalidError where config holds what msgpack cannot say, or an
// operation is no UUID; the buffer takes everything else.
func (w *bodyWriter) write(r Record) error {
	w.out.Reset()
	w.out.WriteByte(formatMsgpack)
	_ = w.enc.EncodeMapLen(count(len(r.Config) > 0, r.CreateOp != "", len(r.Ops) > 0, r.Floor != "", r.Durability != "",
		!r.Resource.IsZero(), len(r.Beside.Ops) > 0, r.Beside.Floor != ""))
	if len(r.Config) > 0 {
		_ = w.enc.EncodeString(memberConfig)
		if err := w.enc.EncodeMapSorted(r.Config); err != nil {
			return session.Invalid("config", "cannot be encoded: "+err.Error())
		}
	}
	if r.CreateOp != "" {
		_ = w.enc.EncodeString(memberCreateOp)
		_ = w.enc.EncodeString(r.CreateOp)
	}
	if err := w.writeLedger(memberOps, r.Ops, memberFloor, r.Floor); err != nil {
		return err
	}
	if r.Durability != "" {
		_ = w.enc.EncodeString(memberDurability)
		_ = w.enc.EncodeString(string(r.Durability))
	}
	if !r.Resource.IsZero() {
		_ = w.enc.EncodeString(memberResource)
		_ = w.enc.EncodeString(r.Resource.String())
	}
	return w.writeLedger(memberBesideOps, r.Beside.Ops, memberBesideFloor, r.Beside.Floor)
}

// writeLedger writes the operations that a record remembers, and the newest one that it does not.
func (w *bodyWriter) writeLedger(opsName string, ops []session.OpID, floorName string, floor session.OpID) error {
	if len(ops) > 0 {
		_ = w.enc.EncodeString(opsName)
		_ = w.enc.EncodeArrayLen(len(ops))
		if err := w.writeOps(ops...); err != nil {
			return err
		}
	}
	if floor == "" {
		return nil
	}
	_ = w.enc.EncodeString(floorName)
	return w.writeOps(floor)
}

func (w *bodyWriter) writeOps(ops ...session.OpID) (err error) {
	for _, op := range ops {
		if w.op, err = uuid.Parse(string(op)); err != nil {
			return session.Invalid("op", "is no operation id: "+err.Error())
		}
		_ = w.enc.EncodeBytes(w.op[:])
	}
	return nil
}

func count(present ...bool) (n int) {
	for _, is := range present {
		if is {
			n++
		}
	}
	return n
}

// bodyReader reads one body at a time.
type bodyReader struct {
	blob, unpacked []byte
	from           bytes.Reader
	dec            *msgpack.Decoder
	op             uuid.UUID
}

var readers = sync.Pool{New: func() any {
	d := &bodyReader{dec: msgpack.NewDecoder(nil)}
	d.dec.UseLooseInterfaceDecoding(true)
	return d
}}

// read reads a body into r.
func (d *bodyReader) read(body []byte, r *Record) error {
	if err := checkNesting(body, maxDepth); err != nil {
		return err
	}
	d.from.Reset(body)
	d.dec.ResetReader(&d.from)
	n, err := d.dec.DecodeMapLen()
	if err == nil && n < 0 {
		err = fmt.Errorf("msgpack holds nil, not a map")
	}
	for ; n > 0 && err == nil; n-- {
		err = d.member(r)
	}
	return err
}

func (d *bodyReader) member(r *Record) error {
	name, err := d.dec.DecodeString()
	if err != nil {
		return err
	}
	switch name {
	case memberConfig:
		r.Config, err = d.dec.DecodeMap()
	case memberLabels:
		err = errors.New("they lie in the body, as no released version wrote them")
	case memberCreateOp:
		r.CreateOp, err = d.dec.DecodeString()
	case memberOps:
		r.Ops, err = d.ops()
	case memberFloor:
		r.Floor, err = d.readOp()
	case memberDurability:
		var durability string
		durability, err = d.dec.DecodeString()
		r.Durability = session.Durability(durability)
	case memberResource:
		var stamp string
		if stamp, err = d.dec.DecodeString(); err == nil {
			r.Resource, err = session.ParseStamp(stamp)
		}
	case memberBesideOps:
		r.Beside.Ops, err = d.ops()
	case memberBesideFloor:
		r.Beside.Floor, err = d.readOp()
	default:
		err = d.dec.Skip()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (d *bodyReader) ops() ([]session.OpID, error) {
	n, err := d.dec.DecodeArrayLen()
	if err != nil || n <= 0 {
		return nil, err
	}
	ops := make([]session.OpID, 0, min(n, keptOps))
	for range n {
		op, err := d.readOp()
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func (d *bodyReader) readOp() (session.OpID, error) {
	n, err := d.dec.DecodeBytesLen()
	if err != nil {
		return "", err
	}
	if n != len(d.op) {
		return "", fmt.Errorf("%d bytes are no operation id", n)
	}
	if err := d.dec.ReadFull(d.op[:]); err != nil {
		return "", err
	}
	return session.OpID(d.op.String()), nil
}
