package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"orchestrator/internal/session"
)

// parser reads a text token by token, where that is needed.
type parser struct{ dec *json.Decoder }

func newParser(text []byte) parser {
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.dec.UseNumber()
	return p
}

// end fails where anything follows what was read.
func (p parser) end() error {
	_, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return session.Invalid("body", "must hold one JSON value and nothing after it")
}

// twice returns the error of the first member that the value at hand gives twice, or nil.
func (p parser) twice() error {
	token, err := p.dec.Token()
	open, container := token.(json.Delim)
	if err != nil || !container {
		return err
	}
	seen := map[string]bool{}
	for i := 0; p.dec.More(); i++ {
		name := "[" + strconv.Itoa(i) + "]"
		if open == '{' {
			token, err := p.dec.Token()
			if err != nil {
				return err
			}
			name, _ = token.(string) // the decoder refuses other names
			if seen[name] {
				return within(name, &memberError{reason: "is given twice"})
			}
			seen[name] = true
		}
		if err := p.twice(); err != nil {
			return within(name, err)
		}
	}
	_, err = p.dec.Token()
	return err
}
