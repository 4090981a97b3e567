package sessionstore

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

func blobOf(tb testing.TB, c *codec, r Record) string {
	tb.Helper()
	blob, err := c.encodeBlob(r)
	if err != nil {
		tb.Fatal(err)
	}
	return blob
}

// Records as an earlier version compressed them. What this version makes of the same record may be other bytes: any version reads these.
func TestGoldenCompressedRecords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Record{"full.zstd": goldens["full"], "large.zstd": configured(4 << 10)} {
		if *flagUpdate {
			text := goldenText(storedBy(t, &codec{threshold: 1}, want))
			if err := os.WriteFile(filepath.Join("testdata", name+".golden"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f := readGolden(t, name)
		got, err := decode(goldenID, f)
		if err != nil || f[fieldBlob][0] != formatZstd {
			t.Fatalf("%s: format %d, %v", name, f[fieldBlob][0], err)
		}
		got.Config = signed(got.Config).(map[string]any)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read\n%+v, want\n%+v", name, got, want)
		}
	}
}

// textual is a record whose config has about so many bytes, a part of them, in percent, as good as random and the others all the same.
func textual(size, random int, seed uint64) Record {
	dice := rand.New(rand.NewPCG(seed, 0))
	text := make([]byte, size)
	for i := range text {
		if text[i] = 'e'; i*100 < random*size {
			text[i] = byte(dice.Uint32())
		}
	}
	r := goldens["least"]
	r.Config = map[string]any{"text": string(text)}
	return r
}

// At and around the threshold and the limit, whatever the body: it is read as it was written, it is compressed where that is asked for
// and pays, and what can be stored does not depend on it.
func TestCompressionChangesNothingButBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &codec{threshold: rapid.SampledFrom([]int{1, 64, 1 << 10, 2 << 10, 100_000, session.MaxBlob}).Draw(t, "threshold")}
		near := rapid.SampledFrom([]int{c.threshold, session.MaxBlob}).Draw(t, "near")
		size := max(0, near-50+rapid.IntRange(-40, 40).Draw(t, "off"))
		random := rapid.SampledFrom([]int{0, 50, 85, 90, 100}).Draw(t, "random")
		want := textual(size, random, rapid.Uint64().Draw(t, "seed"))

		whole, refused := plain.encodeBlob(want)
		blob, err := c.encodeBlob(want)
		if refused != nil {
			var as, large *session.TooLargeError
			if !errors.As(refused, &as) || !errors.As(err, &large) || *as != *large || large.Used <= session.MaxBlob {
				t.Fatalf("refused with %v, not compressed with %v", err, refused)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{whole, blob} {
			var got Record
			if err := decodeBlob(b, &got); err != nil || !reflect.DeepEqual(got.Config, want.Config) || !reflect.DeepEqual(got.Ops, want.Ops) {
				t.Fatalf("read from %d bytes of format %d: %v", len(b), b[0], err)
			}
		}
		body, saved, packed := len(whole)-1, len(whole)-len(blob), blob[0] == formatZstd
		switch {
		case !packed && blob != whole:
			t.Fatal("format 1 differs where compression is possible")
		case packed && (body < c.threshold || saved < body/leastSaved):
			t.Fatalf("%d bytes are compressed to %d, the threshold is %d", body, len(blob), c.threshold)
		case !packed && body >= c.threshold && body >= 100 && random < 80:
			t.Fatalf("%d bytes are not compressed, the threshold is %d", body, c.threshold)
		}
		sum := (&Store{codec: c}).Compression()
		if want := (Compression{1, uint64(len(whole)), uint64(len(blob))}); packed && sum != want || !packed && sum != (Compression{}) {
			t.Fatalf("counted %+v, want %+v", sum, want)
		}
	})
}

// Equal records give equal blobs, also while others are being made: a place that is told an operation twice holds the same either way.
func TestEqualRecordsGiveEqualBlobs(t *testing.T) {
	t.Parallel()
	c := &codec{threshold: 1}
	var records []Record
	var want []string
	for _, size := range []int{300, 2 << 10, 70 << 10, 200 << 10} { // one block and several
		r := configured(size)
		records, want = append(records, r), append(want, blobOf(t, c, r))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 12 {
				if n%3 == 0 { // something else in between
					blobOf(t, c, textual(5000*n, 30, uint64(n)))
				}
				if k := (i + n) % len(records); blobOf(t, c, records[k]) != want[k] {
					t.Errorf("record %d became other bytes", k)
				}
			}
		})
	}
	all.Wait()
}
