package redistest

import (
	"fmt"
	"testing"
)

func TestStreamFindsWholeValuesHoweverTheyArrive(t *testing.T) {
	t.Parallel()
	stream := "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" + "+OK\r\n" + "$-1\r\n" + ":7\r\n" + ">2\r\n+push\r\n:1\r\n" +
		"%1\r\n+a\r\n*2\r\n:1\r\n:2\r\n" + "_\r\n" + "*0\r\n" + "|1\r\n+ttl\r\n:1\r\n$2\r\nhi\r\n"
	const want = "[[GET k] [OK] [] [7] [a 12] [] [] [ttl 1 hi]]"
	for size := 1; size <= len(stream); size++ {
		var s respStream
		var got []string
		for rest := stream; rest != ""; rest = rest[min(size, len(rest)):] {
			for _, v := range s.feed([]byte(rest[:min(size, len(rest))])) {
				got = append(got, fmt.Sprintf("%s", v))
			}
		}
		if text := fmt.Sprint(got); text != want || s.within() {
			t.Fatalf("in pieces of %d: %s, want %s", size, text, want)
		}
	}
}
