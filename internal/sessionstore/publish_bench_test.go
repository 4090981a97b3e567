package sessionstore

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// BenchmarkPublish publishes one message of 200 bytes under a key to a session that has 1,000 others, and tells how long Redis's scripts took for it.
func BenchmarkPublish(b *testing.B) {
	s := setup(b, redistest.Single(b), 8)
	made, data := s.create(b, "one", holderA), strconv.Quote(strings.Repeat("x", 200))
	one, n := saying("k", data), 0
	publish := func() {
		n++
		one.Idempotency = session.Idempotency{Key: strconv.Itoa(n), Fingerprint: "f"}
		s.publish(b, made.ID, one)
	}
	for range session.MessagesKept {
		publish()
	}
	before := s.scriptTime(b)
	for b.Loop() {
		publish()
	}
	b.ReportMetric((s.scriptTime(b)-before)/float64(b.N), "redis-us/op")
}

// scriptTime is how many microseconds a server's scripts have taken so far.
func (b bundle) scriptTime(tb testing.TB) (us float64) {
	tb.Helper()
	info, err := b.client.Redis().Info(tb.Context(), "commandstats").Result()
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`cmdstat_eval(?:sha)?:calls=\d+,usec=(\d+)`).FindAllStringSubmatch(info, -1) {
		var n float64
		if _, err := fmt.Sscan(m[1], &n); err != nil {
			tb.Fatal(err)
		}
		us += n
	}
	return us
}
