package sessionstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

// packed is a blob that holds a body as it stands, compressed.
func packed(body string) string { return string(compress([]byte{formatZstd}, []byte(body))) }

// block is a block of a frame: of the given kind, not the last one.
func block(kind, size int, data ...byte) []byte {
	head := size<<3 | kind<<1
	return append([]byte{byte(head), byte(head >> 8), byte(head >> 16)}, data...)
}

// repeat is that many blocks of zeros, each so long: four bytes that stand for size.
func repeat(size, times int) []byte { return bytes.Repeat(block(1, size, 0), times) }

// frame is a frame that says it holds size bytes and has a checksum of none; the blocks are followed by an empty last one.
func frame(size uint32, blocks []byte) []byte {
	f := append([]byte("\x28\xb5\x2f\xfd\xa4"), binary.LittleEndian.AppendUint32(nil, size)...)
	f = append(append(f, blocks...), 1, 0, 0)
	return binary.LittleEndian.AppendUint32(f, uint32(xxhash.Sum64(nil)))
}

// hostile are frames that nothing may be read from, and what the error says.
func hostile() map[string]struct{ frame, says string } {
	good := packed("\x81\xa6config\x81\xa1x\xa1y")[1:]
	header := "\x28\xb5\x2f\xfd"
	all := map[string]struct{ frame, says string }{
		"nothing":                   {"", "EOF"},
		"no frame":                  {"\x80 is msgpack", "magic"},
		"a frame to be skipped":     {"\x50\x2a\x4d\x18\x01\x00\x00\x00x", "not of the kind"},
		"a frame to be skipped too": {"\x50\x2a\x4d\x18\x00\x00\x00\x00" + good, "not of the kind"},
		"a dictionary":              {header + "\xa5\x07\x01\x00\x00\x00" + "\x09\x00\x00\x80\xc2\x8b\x26\x5c", "not of the kind"},
		"no size":                   {header + "\x04\x00" + "\x09\x00\x00\x80\xc2\x8b\x26\x5c", "not of the kind"},
		"no checksum":               {header + "\x20\x01" + "\x09\x00\x00\x80", "not of the kind"},
		"a wide window":             {header + "\x84\xff\x01\x00\x00\x00" + "\x09\x00\x00\x80\xc2\x8b\x26\x5c", "window"},
		"a wrong checksum":          {good[:len(good)-1] + "\x00", "CRC"},
		"something behind it":       {good + "\x00", "1 bytes follow"},
		"another frame behind it":   {good + good, "follow"},
		"an empty frame behind it":  {good + header + "\x20\x00\x01\x00\x00", "follow"},
		"a block of no kind":        {string(frame(1, block(3, 1, 0))), "reserved"},
		"a block past the end":      {string(frame(1, block(0, 1<<20, 0))), "ends early"},
		"a body that is too long":   {string(frame(session.MaxBlob, repeat(1<<17, 2))), "262144 bytes, at most 262143"},
		"a size of 4 GiB":           {string(frame(1<<32-1, nil)), "4294967295 bytes"},
		"an honest bomb":            {string(frame(1<<30, repeat(1<<17, 8192))), "1073741824 bytes"},
		"a bomb that says 1":        {string(frame(1, repeat(1<<17, 8192))), "zstd"},
		"a bomb that says much":     {string(frame(session.MaxBlob-1, repeat(1<<17, 8192))), "zstd"},
		"less than it says":         {string(frame(session.MaxBlob-1, repeat(10, 1))), "zstd"},
		"blocks of nothing":         {string(frame(1, bytes.Repeat(block(0, 0), 50_000))), "zstd"},
	}
	for n := range len(good) {
		all[fmt.Sprintf("cut after %d bytes", n)] = struct{ frame, says string }{good[:n], "blob: "}
	}
	return all
}

func TestHostileFramesAreRefusedInLittleMemory(t *testing.T) { // not parallel: it looks at what is allocated
	cases := hostile()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decodeBlob(string(formatZstd)+c.frame, &Record{})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.says)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
			t.Errorf("%s: refused after %d bytes of memory", name, used)
		}
	}
}

// Whatever bits of a compressed blob change, it is refused or says the same.
func TestChangedFramesAreNoticed(t *testing.T) {
	t.Parallel()
	want := configured(2 << 10)
	blob := blobOf(t, &codec{threshold: 1}, want)
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(blob)
		for range rapid.IntRange(1, 3).Draw(t, "bits") {
			raw[rapid.IntRange(1, len(raw)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		var got Record
		if err := decodeBlob(string(raw), &got); err == nil && !reflect.DeepEqual(signed(got.Config), signed(want.Config)) {
			t.Fatalf("read %+v", got)
		}
	})
}

// The whole of what a zstd reader elsewhere needs to know is in the frame.
func TestFramesSayTheirSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 255, 256, 1023, 1024, 1025, 65535, 65536, 65536 + 256, session.MaxBlob - 1} {
		body := []byte(strings.Repeat("a", size))
		f := compress(nil, body)
		n, err := contentSize(f)
		back, err2 := decompress(make([]byte, 0, 100), f)
		if n != size || err != nil || err2 != nil || !bytes.Equal(back, body) {
			t.Errorf("%d bytes: %d, %v, %v", size, n, err, err2)
		}
	}
}
