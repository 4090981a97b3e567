package sessionstore

import (
	"fmt"

	"orchestrator/internal/session"
)

// The first byte of a blob says how the rest is encoded.
const formatMsgpack byte = 1

// encodeBlob returns the blob of a record. It fails with a *session.TooLargeError past session.MaxBlob.
func encodeBlob(r Record) (string, error) {
	w := writers.Get().(*bodyWriter)
	defer writers.Put(w)
	if err := w.write(r); err != nil {
		return "", err
	}
	blob := w.out.Bytes()
	if len(blob) > session.MaxBlob {
		return "", &session.TooLargeError{Thing: "session", Used: len(blob), Limit: session.MaxBlob}
	}
	if err := checkNesting(blob[1:], maxDepth); err != nil {
		return "", session.Invalid("config", fmt.Sprintf("is nested too deep, at most %d levels are allowed", maxConfigDepth))
	}
	return string(blob), nil
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
	d := readers.Get().(*bodyReader)
	defer readers.Put(d)
	d.blob = append(d.blob[:0], blob...)
	if err := d.read(d.blob[1:], r); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}
