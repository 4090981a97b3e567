package client

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll returns the events of a stream as "name|data|id", and why it ended.
func readAll(in io.Reader, limit int64) (all []string, err error) {
	s := newEvents(in, limit)
	for {
		ev, err := s.next()
		if err != nil {
			return all, err
		}
		all = append(all, ev.name+"|"+string(ev.data)+"|"+ev.id)
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"data: a\n\n":                                    "message|a|",
		"\ufeffdata: a\r\n\r\n":                          "message|a|",
		"event: x\rdata:a\rdata\rdata: b\r\r":            "x|a\n\nb|",
		"data:  a\n\n":                                   "message| a|",
		": hello\n\nid: 7\nevent: lost\n\ndata: a\n\n":   "message|a|7",
		"id: 1\ndata: a\n\nid: x\x00\ndata: b\n\n":       "message|a|1 message|b|1",
		"id: 1\ndata: a\n\nid\ndata: b\n\n":              "message|a|1 message|b|",
		"retry: 5\nunknown: 1\ndata: a\n\ndata: cut off": "message|a|",
		"data: a\n\ndata: b\n":                           "message|a|",
		"":                                               "",
	} {
		for name, reader := range map[string]io.Reader{"whole": strings.NewReader(in), "by bytes": iotest.OneByteReader(strings.NewReader(in))} {
			got, err := readAll(reader, 1000)
			if strings.Join(got, " ") != want || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q %s: %q, %v; want %q", in, name, got, err, want)
			}
		}
	}
}

func TestAnEventHasALimit(t *testing.T) {
	t.Parallel()
	fits := "data:" + strings.Repeat("a", 95) + "\n\n"
	if got, _ := readAll(strings.NewReader(fits+fits), 100); len(got) != 2 {
		t.Fatalf("%d events", len(got))
	}
	for _, in := range []string{"data:" + strings.Repeat("a", 96), strings.Repeat("data:a\n", 17)} {
		if got, err := readAll(strings.NewReader(in), 100); len(got) != 0 || !errors.Is(err, errTooLong) {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, seed := range []string{"data: a\n\n", "\ufeffevent: x\r\ndata: a\rid: 1\n\r\n", ":\n\n\n", "data\n\n", strings.Repeat("data: x\n", 50)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		whole, err := readAll(strings.NewReader(in), 64)
		bytewise, err2 := readAll(iotest.OneByteReader(strings.NewReader(in)), 64)
		if strings.Join(whole, "\x01") != strings.Join(bytewise, "\x01") || errors.Is(err, errTooLong) != errors.Is(err2, errTooLong) {
			t.Fatalf("%q: %q, %v; by bytes %q, %v", in, whole, err, bytewise, err2)
		}
		for _, ev := range whole {
			if len(ev) > 2*64+len(in) {
				t.Fatalf("%q is over the limit", ev)
			}
		}
	})
}
