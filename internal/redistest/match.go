package redistest

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

// Command matches a command by its name, in either case.
func Command(name string) Match {
	return func(args [][]byte) bool { return strings.EqualFold(string(args[0]), name) }
}

// Script matches every call of the script with this source: EVALSHA by its
// digest and EVAL by its text.
func Script(source string) Match {
	sum := sha1.Sum([]byte(source))
	digest := hex.EncodeToString(sum[:])
	return func(args [][]byte) bool {
		if len(args) < 2 {
			return false
		}
		switch strings.ToLower(string(args[0])) {
		case "evalsha", "evalsha_ro":
			return string(args[1]) == digest
		case "eval", "eval_ro":
			return string(args[1]) == source
		}
		return false
	}
}

// Holding narrows a match to commands that have the text in an argument, such
// as a test's key prefix.
func (m Match) Holding(text string) Match {
	return func(args [][]byte) bool {
		if !m(args) {
			return false
		}
		for _, a := range args {
			if bytes.Contains(a, []byte(text)) {
				return true
			}
		}
		return false
	}
}
