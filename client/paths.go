package client

import "strings"

// Limits of what is sent in paths and headers. The API has the others, and names them.
const (
	maxNodeID = 63
	maxKey    = 255      // of an idempotency key
	maxCursor = 64 << 10 // one of events has about 2,000 characters with 256 partitions
	maxETag   = 255
)

// sessionPath returns the path of a session; what could change its meaning is no id.
func sessionPath(id string, rest string) (string, error) {
	if !validID(id) {
		return "", invalid("id", "must be a UUID version 7 in lower case, such as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	return "/v1/sessions/" + id + rest, nil
}

// nodePath returns the path of a node.
func nodePath(id string, rest string) (string, error) {
	if !validNode(id) {
		return "", invalid("node", "must have 1 to %d letters, digits, '.', '_' and '-', and start with a letter or digit", maxNodeID)
	}
	return "/v1/nodes/" + id + rest, nil
}

// validID reports whether s is a UUID version 7 in its lower-case text form.
func validID(s string) bool {
	if len(s) != 36 || s[14] != '7' || !strings.ContainsRune("89ab", rune(s[19])) {
		return false
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

func validNode(s string) bool {
	if s == "" || len(s) > maxNodeID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// printable reports whether s can be sent in a header as it is.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// headerText checks what goes into a header; "" is nothing to send.
func headerText(field, s string, most int) error {
	if len(s) > most || !printable(s) {
		return invalid(field, "must have at most %d printable ASCII characters", most)
	}
	return nil
}
