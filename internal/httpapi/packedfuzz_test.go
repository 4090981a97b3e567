package httpapi

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile are bodies that were made to hurt.
var hostile = []string{
	"", "\xc1", "\x80\x80", "\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\x01",
	"\x81\xa6config\xdf\x7f\xff\xff\xff", "\x81\xa6config\xdd\x0f\xff\xff\xff", "\x81\xa8sessions\xdd\x00\x00\xff\xff" + strings.Repeat("\x80", 0xffff),
	"\x81\xa6config" + strings.Repeat("\x81\xa1x", 70) + "\xc0", strings.Repeat("\x91", 5000) + "\xc0", "\x81\xa8sessions" + strings.Repeat("\x91", 5000) + "\xc0",
	"\x81\xa6config\xdc\x40\x00" + strings.Repeat("\x80", 0x4000), "\x81\xa6config\x81\xa1t\xd6\xff\x00\x00\x00\x01", "\x81\xa6config\x82\xa1b\xc4\x01x\xa1b\x01",
	"\x81\xa8sessions\x93\x80\x81\x01\x01\x81\xa1a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\x82\xa8sessions\x90\xa8sessions\x90", "\x81\xa8sessions\x91\xc4\x01x",
}

// Whatever bytes come: reading them never panics and takes memory in proportion to their number; they are refused as the caller's fault, or
// mean the same when another library writes them again.
func FuzzPackedBody(f *testing.F) {
	for _, text := range []string{minimal, usual, `{"sessions":[` + usual + `,{},7]}`, `{"labels":{"a":null},"ttl":null}`, with("config", nested(33)),
		with("config", `{"a":[1,-1,300,-300,70000,1e300,18446744073709551615,null,true,"é",{"b":""}]}`)} {
		for _, compact := range []bool{true, false} {
			body, _ := packText(text, compact)
			f.Add([]byte(body))
		}
	}
	for _, body := range hostile {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var members map[string]any
		var err error
		requireFrugal(t, len(body), func() { members, err = parsePacked(body) })
		if err != nil {
			requireCallersFault(t, err)
		} else {
			again, err := parsePacked([]byte(pack(members, true)))
			require.NoError(t, err)
			require.Equal(t, members, again)
			requireFrugal(t, len(body), func() { _, err = decodeDraft(members) })
			if err != nil {
				requireCallersFault(t, err)
			}
		}
		var b batch
		requireFrugal(t, len(body), func() { err = bodyError(b.readPacked(body)) })
		if err != nil {
			requireCallersFault(t, err)
		}
		require.LessOrEqual(t, len(b.wrong)+b.beyond, len(body))
		for _, err := range b.wrong {
			if err != nil {
				requireCallersFault(t, err)
			}
		}
	})
}

// requireFrugal holds that reading a body takes no more than a bound that grows with it.
func requireFrugal(t *testing.T, size int, read func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20+size*256))
}

// Large bodies that promise and nest take no more than their share either. What they would have as JSON bounds what they can make: an object takes
// a byte here, and three there.
func TestHostileBodiesTakeLittleMemory(t *testing.T) { // alone: it measures the whole process
	for _, body := range []string{
		strings.Repeat("\x91", MaxBody), strings.Repeat("\x81\xa0", MaxBody/2), "\xdd\x00\x0f\xff\x00" + strings.Repeat("\x80", 0x0fff00),
		"\x81\xa6config\xdd\x00\x05\x00\x00" + strings.Repeat("\x80", 0x050000), "\x81\xa6config\xdd\x00\x05\x00\x00" + strings.Repeat("\x90", 0x050000),
		"\x81\xa6config\xdd\x00\x07\x00\x00" + strings.Repeat("\x01", 0x070000), "\x81\xa6config\xdd\xff\xff\xff\xff" + strings.Repeat("\xc0", MaxBody-20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = decodePacked(body)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(32*MaxBody), "% .20x", body)
	}
}
