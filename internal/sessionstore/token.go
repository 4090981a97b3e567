package sessionstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"orchestrator/internal/session"
)

// cursor is where a list goes on: after an id in a partition, or, where the list goes by creation, after an id of any. Ids never move
// between partitions, so it stays good for ever.
type cursor struct {
	partition int
	after     session.ID // empty: from the first
}

// tokenForm begins what a token says; another number is another form.
const tokenForm = "2"

// tokenText has one spelling of each token.
var tokenText = base64.RawURLEncoding.Strict()

// token returns the page token for a cursor: the place in plain text and, behind it, an HMAC (RFC 2104) over the place and the query, so that
// nobody can make one, and none is good for another query.
func (s *Store) token(want session.Listing, at cursor) string {
	place := tokenForm + "." + strconv.Itoa(at.partition) + "." + brief(at.after, want.Order)
	return tokenText.EncodeToString(append([]byte(place), s.seal(want, place)...))
}

func (s *Store) seal(want session.Listing, place string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	_, _ = fmt.Fprintf(mac, "page token\n%s\n%s\n%s", want.Order, want.Filter.Text(), place) // never fails
	return mac.Sum(nil)
}

// readToken returns where the listing's token says to go on.
func (s *Store) readToken(want session.Listing) (cursor, error) {
	if want.Token == "" {
		return cursor{}, nil
	}
	bad := session.Invalid("pageToken", "is not one that this fleet gave out for this filter and order: ask for the first page without it")
	raw, err := tokenText.DecodeString(want.Token)
	if err != nil || len(raw) < sha256.Size {
		return cursor{}, bad
	}
	place, seal := string(raw[:len(raw)-sha256.Size]), raw[len(raw)-sha256.Size:]
	parts := strings.SplitN(place, ".", 3)
	if !hmac.Equal(seal, s.seal(want, place)) || len(parts) != 3 || parts[0] != tokenForm {
		return cursor{}, bad
	}
	partition, err := strconv.Atoi(parts[1])
	if err != nil || partition < 0 || partition >= s.keys.Partitions() {
		return cursor{}, bad
	}
	return cursor{partition, session.ID(parts[2])}, nil
}

// idLength is the length of every id.
const idLength = 36

// brief returns what a list may go on after in place of a member. A stranger may have put a long one there, and tokens must stay short: to
// skip what begins like it skips no session.
func brief(after session.ID, order session.Order) string {
	if len(after) <= idLength {
		return string(after)
	}
	begins := string(after[:idLength+1])
	if order == session.NewestFirst {
		return begins
	}
	return begins + "\xff"
}
