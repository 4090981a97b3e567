package sessionstore

import (
	"bytes"
	"fmt"

	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"

	"orchestrator/internal/session"
)

// The first byte of a blob says how the rest is encoded.
const formatMsgpack byte = 1

// maxDepth bounds how deep a body may be nested, so that hostile bytes cannot exhaust the stack.
const maxDepth = 64

// maxConfigDepth is how many objects and arrays of a config may lie inside one another, config itself included.
const maxConfigDepth = maxDepth - 2

// body is what a record's blob holds: what an operator need not read and scripts need not compare.
type body struct {
	Config   map[string]any    `msgpack:"config,omitempty"`
	Labels   map[string]string `msgpack:"labels,omitempty"`
	CreateOp string            `msgpack:"createOp,omitempty"`
	Ops      [][]byte          `msgpack:"ops,omitempty"` // 16 bytes each
	Floor    []byte            `msgpack:"floor,omitempty"`
}

// encodeBlob returns the blob of a record. It fails with a *session.TooLargeError past session.MaxBlob.
func encodeBlob(r Record) (string, error) {
	b := body{Config: r.Config, Labels: r.Labels, CreateOp: r.CreateOp, Floor: packOp(r.Floor)}
	for _, op := range r.Ops {
		b.Ops = append(b.Ops, packOp(op))
	}
	var out bytes.Buffer
	out.WriteByte(formatMsgpack)
	enc := msgpack.NewEncoder(&out)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(true)
	if err := enc.Encode(&b); err != nil {
		return "", session.Invalid("config", "cannot be encoded: "+err.Error())
	}
	if out.Len() > session.MaxBlob {
		return "", &session.TooLargeError{Thing: "session", Used: out.Len(), Limit: session.MaxBlob}
	}
	if err := checkNesting(out.Bytes()[1:], maxDepth); err != nil {
		return "", session.Invalid("config", fmt.Sprintf("is nested too deep, at most %d levels are allowed", maxConfigDepth))
	}
	return out.String(), nil
}

// decodeBlob reads what encodeBlob wrote into r. Its errors say what is wrong with the bytes.
func decodeBlob(blob string, r *Record) error {
	switch {
	case blob == "":
		return fmt.Errorf("blob is empty")
	case len(blob) > session.MaxBlob:
		return fmt.Errorf("blob has %d bytes, at most %d are allowed", len(blob), session.MaxBlob)
	case blob[0] != formatMsgpack:
		return fmt.Errorf("blob has format %d, this version reads format %d", blob[0], formatMsgpack)
	}
	raw := []byte(blob[1:])
	if err := checkNesting(raw, maxDepth); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	var b body
	dec := msgpack.NewDecoder(bytes.NewReader(raw))
	dec.UseLooseInterfaceDecoding(true)
	if err := dec.Decode(&b); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	r.Config, r.Labels, r.CreateOp = b.Config, b.Labels, b.CreateOp
	var err error
	if r.Floor, err = unpackOp(b.Floor); err != nil {
		return fmt.Errorf("blob: floor: %w", err)
	}
	for _, packed := range b.Ops {
		op, err := unpackOp(packed)
		if err != nil || op == "" {
			return fmt.Errorf("blob: ops: %d bytes are no operation id", len(packed))
		}
		r.Ops = append(r.Ops, op)
	}
	return nil
}

func packOp(op session.OpID) []byte {
	u, err := uuid.Parse(string(op))
	if err != nil {
		return nil
	}
	return u[:]
}

func unpackOp(b []byte) (session.OpID, error) {
	if len(b) == 0 {
		return "", nil
	}
	u, err := uuid.FromBytes(b)
	return session.OpID(u.String()), err
}
