package sessionstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"orchestrator/internal/session"
)

// atOnce is how many bodies are compressed at the same time, and how many unpacked; more wait for a turn. For each about a MiB is kept.
const atOnce = 4

// Both work on their caller's goroutine and start none. The options are constants: the errors are nil.
var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(atOnce),
		zstd.WithWindowSize(session.MaxBlob), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(atOnce), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(session.MaxBlob), zstd.WithDecodeAllCapLimit(true))
)

// compress appends body to dst as a zstd frame.
func compress(dst, body []byte) []byte { return encoder.EncodeAll(body, dst) }

// decompress returns what is in a frame, in room where that is large enough. Nothing is unpacked but one frame as compress makes it, whose
// size is within the limit; and no more than that size, whatever comes out.
func decompress(room, frame []byte) ([]byte, error) {
	size, err := contentSize(frame)
	if err != nil {
		return room, err
	}
	room = slices.Grow(room[:0], size)
	body, err := decoder.DecodeAll(frame, room[:0:size])
	if err != nil {
		return room, fmt.Errorf("zstd: %w", err)
	}
	return body, nil
}

// contentSize returns how many bytes are in a frame by its own account. It refuses what is not one whole frame, without unpacking it.
func contentSize(frame []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return 0, fmt.Errorf("zstd: %w", err)
	}
	switch length := frameLength(frame, h); {
	case h.DictionaryID != 0 || !h.HasFCS || !h.HasCheckSum:
		return 0, errors.New("the zstd frame is not of the kind that says its size and has a checksum")
	case h.FrameContentSize >= session.MaxBlob:
		return 0, fmt.Errorf("the zstd frame holds %d bytes, at most %d are allowed", h.FrameContentSize, session.MaxBlob-1)
	case length > len(frame):
		return 0, errors.New("the zstd frame ends early")
	case length < len(frame):
		return 0, fmt.Errorf("%d bytes follow the zstd frame", len(frame)-length)
	}
	return int(h.FrameContentSize), nil
}

// frameLength walks a frame's blocks (RFC 8878, section 3.1.1.2) and returns how many bytes it takes, its checksum included: more than there are if
// it is cut short.
func frameLength(frame []byte, h zstd.Header) int {
	const blockHeader, checksum, repeated = 3, 4, 1
	for at := h.HeaderSize; ; {
		if at+blockHeader > len(frame) {
			return at + blockHeader
		}
		head := int(frame[at]) | int(frame[at+1])<<8 | int(frame[at+2])<<16
		last, kind, size := head&1 == 1, head>>1&3, head>>3
		if kind == repeated {
			size = 1 // of one byte that stands for so many
		}
		if at += blockHeader + size; last {
			return at + checksum
		}
	}
}
