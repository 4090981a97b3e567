package sessionstore

import (
	"fmt"
	"sync/atomic"

	"orchestrator/internal/session"
)

// The first byte of a blob says what the rest is. Every version reads all of them, whatever it writes itself.
const (
	formatMsgpack byte = 1 // the body
	formatZstd    byte = 2 // the body in one zstd frame, which says its size and ends with a checksum
)

// leastSaved is the part of a body, one in so many bytes, that compression must save to be worth unpacking at every read.
const leastSaved = 8

// codec turns records into what Redis holds. It is safe for concurrent use. The zero codec compresses nothing.
type codec struct {
	threshold int // bytes of a body from which it is compressed; 0: never

	records, before, after atomic.Uint64
}

// encodeBlob returns the blob of a record. Of equal records it makes equal blobs. It fails with a *session.TooLargeError where the
// body as it was before compression is past session.MaxBlob, so that what can be stored does not depend on how well it compresses.
func (c *codec) encodeBlob(r Record) (string, error) {
	w := writers.Get().(*bodyWriter)
	defer writers.Put(w)
	if err := w.write(r); err != nil {
		return "", err
	}
	plain := w.out.Bytes()
	if len(plain) > session.MaxBlob {
		return "", &session.TooLargeError{Thing: "session", Used: len(plain), Limit: session.MaxBlob}
	}
	body := plain[1:]
	if err := checkNesting(body, maxDepth); err != nil {
		return "", session.Invalid("config", fmt.Sprintf("is nested too deep, at most %d levels are allowed", maxConfigDepth))
	}
	if c.threshold == 0 || len(body) < c.threshold {
		return string(plain), nil
	}
	w.packed = compress(append(w.packed[:0], formatZstd), body)
	if len(plain)-len(w.packed) < len(body)/leastSaved {
		return string(plain), nil
	}
	c.records.Add(1)
	c.before.Add(uint64(len(plain)))
	c.after.Add(uint64(len(w.packed)))
	return string(w.packed), nil
}

// decodeBlob reads what any codec wrote into r. Its errors say what is wrong with the bytes.
func decodeBlob(blob string, r *Record) error {
	switch {
	case blob == "":
		return fmt.Errorf("blob is empty")
	case len(blob) > session.MaxBlob:
		return fmt.Errorf("blob has %d bytes, at most %d are allowed", len(blob), session.MaxBlob)
	}
	d := readers.Get().(*bodyReader)
	defer readers.Put(d)
	var err error
	switch d.blob = append(d.blob[:0], blob...); blob[0] {
	case formatMsgpack:
		err = d.read(d.blob[1:], r)
	case formatZstd:
		if d.unpacked, err = decompress(d.unpacked, d.blob[1:]); err == nil {
			err = d.read(d.unpacked, r)
		}
	default:
		return fmt.Errorf("blob has format %d, this version reads formats %d and %d", blob[0], formatMsgpack, formatZstd)
	}
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Compression sums up what a store has compressed: records as often as they were written, and their blobs' bytes as they would
// have been and as they were.
type Compression struct{ Records, Before, After uint64 }

// Compression returns what has been compressed since the store was made.
func (s *Store) Compression() Compression {
	return Compression{s.codec.records.Load(), s.codec.before.Load(), s.codec.after.Load()}
}
