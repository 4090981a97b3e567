package events

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// decode reads an entry of a partition's stream (commit.lua of package sessionstore writes them) or of the nodes' (tell.lua of package
// registry): one field, whose name is the kind, and words.
func (f *Feed) decode(stream int, m redis.XMessage) (session.Event, error) {
	at, err := parseID(m.ID)
	if err != nil || len(m.Values) != 1 {
		return session.Event{}, fmt.Errorf("it has %d fields, not one", len(m.Values))
	}
	e := session.Event{Time: time.UnixMilli(int64(at.ms)).UTC()}
	for kind, value := range m.Values {
		text, _ := value.(string)
		if stream == f.nodes() {
			e.ID = "nodes:" + m.ID
			err = decodeNode(&e, kind, text)
		} else {
			e.ID = "p" + strconv.Itoa(stream) + ":" + m.ID
			err = decodeSession(&e, kind, text)
		}
	}
	return e, err
}

// decodeSession reads "<id> <epoch>.<version> <owner> <former owner> <actor> <reason>".
func decodeSession(e *session.Event, kind, text string) error {
	w := strings.SplitN(text, " ", 6)
	if e.Type = session.EventType("session." + kind); !known(e.Type) || len(w) != 6 {
		return fmt.Errorf("it says %q of %q", kind, text)
	}
	var errs [3]error
	epoch, version, _ := strings.Cut(w[1], ".")
	e.Session, errs[0] = session.ParseID(w[0])
	e.Epoch, errs[1] = strconv.ParseUint(epoch, 10, 64)
	e.Version, errs[2] = strconv.ParseUint(version, 10, 64)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	e.Node, e.Previous, e.Actor, e.Reason = named(w[2]), named(w[3]), named(w[4]), w[5]
	return nil
}

// decodeNode reads "<node> <incarnation> <actor> <reason>".
func decodeNode(e *session.Event, kind, text string) error {
	w := strings.SplitN(text, " ", 4)
	if e.Type = session.EventType("node." + kind); !known(e.Type) || len(w) != 4 {
		return fmt.Errorf("it says %q of %q", kind, text)
	}
	e.Node, e.Actor, e.Reason = named(w[0]), named(w[2]), w[3]
	if e.Type == session.NodeRecovered {
		var r session.Recovery
		if n, err := fmt.Sscanf(w[3], "%d %d %d", &r.Expected, &r.Recovered, &r.Lost); n != 3 {
			return fmt.Errorf("it says %q of %q: %w", kind, text, err)
		}
		e.Recovered, e.Reason = &r, ""
	}
	return nil
}

// named reads a node's name; "-" stands for none.
func named(word string) session.NodeID {
	if word == "-" {
		return ""
	}
	return session.NodeID(word)
}

func known(t session.EventType) bool {
	for _, k := range session.EventTypes {
		if k == t {
			return true
		}
	}
	return false
}
