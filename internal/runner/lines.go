package runner

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxText is how many bytes one message's text has at most, as the API counts them: encoded, without its quotes. A longer line is
// published in pieces.
const MaxText = 16<<10 - 2

// readLines hands over what r says, line by line, to its end. What is not UTF-8 becomes U+FFFD; a line's end is not part of it, and neither is
// a carriage return before that.
func readLines(r io.Reader, take func(text string)) error {
	in := bufio.NewReaderSize(r, MaxText)
	var rest []byte       // the beginning of a character whose end is to come
	var begun, ended bool // a piece of this line was handed over; no more is to come
	for !ended {
		chunk, err := in.ReadSlice('\n')
		whole := err == nil
		ended = !whole && !errors.Is(err, bufio.ErrBufferFull)
		text := append(rest, chunk...)
		rest = nil
		switch {
		case whole:
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		case !ended:
			cut := whole8(text)
			text, rest = text[:cut], bytes.Clone(text[cut:])
		}
		if len(text) > 0 || whole && !begun {
			pieces(string(text), take)
		}
		begun = !whole
		if ended && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// whole8 returns how many bytes of b are not the beginning of a character that is cut off.
func whole8(b []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if at := len(b) - back; utf8.RuneStart(b[at]) {
			if utf8.FullRune(b[at:]) {
				return len(b)
			}
			return at
		}
	}
	return len(b)
}

// pieces cuts a text between characters, so that each piece is at most MaxText bytes when it is encoded.
func pieces(text string, take func(string)) {
	var b strings.Builder
	size := 0
	for _, r := range text {
		if n := encoded(r); size+n > MaxText {
			take(b.String())
			b.Reset()
			size = n
		} else {
			size += n
		}
		b.WriteRune(r)
	}
	take(b.String())
}

// encoded is how many bytes a character is in JSON at most, whoever writes it: some escape more than they must.
func encoded(r rune) int {
	switch {
	case r == '"' || r == '\\':
		return 2
	case r < ' ' || r == 0x7f || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029':
		return 6
	}
	return utf8.RuneLen(r)
}

// size is a text's size in JSON, as pieces counts it.
func size(text string) (n int) {
	for _, r := range text {
		n += encoded(r)
	}
	return n
}
