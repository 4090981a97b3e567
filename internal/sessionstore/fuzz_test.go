package sessionstore

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"orchestrator/internal/session"
)

// What is in Redis may be anybody's bytes: reading them never panics, and takes memory in proportion to their number, or to that which they are
// compressed from and which is within the limit.
func FuzzDecode(f *testing.F) {
	for _, name := range append(slices.Collect(maps.Keys(goldens)), "full.zstd", "large.zstd") {
		g := readGolden(f, name)
		f.Add([]byte(g[fieldBlob]), g[fieldEpoch], g[fieldVersion], g[fieldOp], g[fieldChain], g[fieldFrom], g[fieldDeleted], g[fieldOwnedAt], g[fieldExpiresAt])
	}
	for _, hostile := range []string{
		"", "\x00", "\x03\x80", "\x02\x80", packed(""), packed("\x80"), packed("\xc1"), packed("\x81\xa6config\xdf\xff\xff\xff\xff"),
		packed("\x81\xa6config\x81\xa1x\xdc\xff\xff" + strings.Repeat("\xc0", 1<<16-1)),
		"\x01", "\x01\xdf\xff\xff\xff\xff", "\x01\xdd\xff\xff\xff\xff", "\x01\x81\xa6config\xdf\x7f\xff\xff\xff",
		"\x01\x81\xa3ops\xdd\x0f\xff\xff\xff", "\x01\x81\xa3ops\x91\xc6\xff\xff\xff\xff", "\x01\x81\xa6config\xc9\xff\xff\xff\xff\x01", "\x01\xc1",
		"\x01\x81\xa6config" + strings.Repeat("\x81\xa1x", 70) + "\xc0", "\x01\x81\xa6config" + strings.Repeat("\x91", 5000) + "\xc0",
		"\x01\x81\xa6config\x81\xa1t\xd6\xff\x00\x00\x00\x01", "\x01\x81\xa6config\x81\xa1t\xc7\xff\x05x",
	} {
		f.Add([]byte(hostile), "1", "2", string(opOne), "1,2", "", "", "", "")
	}
	for _, h := range hostile() {
		f.Add([]byte(string(formatZstd)+h.frame), "1", "2", string(opOne), "1,2", "", "", "", "")
	}
	f.Add([]byte("\x01\x80"), "18446744073709551616", "-1", "..", "1,,2", "0x1", "2", "soon", "2026-13-01T00:00:00Z")
	f.Fuzz(func(t *testing.T, blob []byte, epoch, version, op, chain, from, deleted, owned, expires string) {
		fields := map[string]string{
			fieldBlob: string(blob), fieldEpoch: epoch, fieldVersion: version, fieldOp: op, fieldChain: chain, fieldFrom: from,
			fieldDeleted: deleted, fieldOwnedAt: owned, fieldExpiresAt: expires, fieldCreatedAt: "2026-01-02T03:04:05.678Z", fieldUpdatedAt: "2026-01-02T03:04:05.678Z",
			fieldWrittenAt: "1", fieldType: "t", fieldName: "n", fieldWorkspace: "w", fieldStatus: "idle", fieldOwner: "node-a",
		}
		content := 0
		if len(blob) > 0 && blob[0] == formatZstd {
			content, _ = contentSize(blob[1:])
		}
		size := len(blob) + content + len(epoch) + len(version) + len(op) + len(chain) + len(from) + len(owned) + len(expires)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := decode(goldenID, fields)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+uint64(size)*256 {
			t.Fatalf("%d bytes took %d bytes of memory", size, used)
		}
		if err != nil || r.Stamp.IsZero() {
			return
		}
		if r.ID != goldenID || len(r.Chain) > size || r.Holder.Node == "" && !r.Tombstone {
			t.Fatalf("read %+v", r)
		}
		_, _ = r.forgotten(session.OpID("x")), r.applied(session.OpID("x"))
	})
}
