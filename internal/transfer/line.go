package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"orchestrator/client"
	"orchestrator/internal/session"
)

// Labels that say where a session came from and where it goes.
const (
	LabelImportedFrom = "imported-from" // the id that it had
	LabelMovingTo     = "moving-to"     // at the source, while it is moved
	LabelMovingFrom   = "moving-from"   // at the target, until it may be run there

	// LabelPartial is a copy's, beside LabelMovingFrom, while it has not all that its session has. What a former version has copied never has it.
	LabelPartial = "moving-partial"
)

// LabelReadUpTo names the last input that a runner has read. Import, which brings no messages, leaves it out; Move has it name the same message
// as it is at the target.
const LabelReadUpTo = "runner.after"

// MaxLine is the longest line of an import, in bytes: four times what the largest session takes.
const MaxLine = 1 << 20

// ownFields are those of a session as the API shows it which a fleet gives by itself: they are not carried over.
var ownFields = []string{"owner", "epoch", "version", "copies", "createdAt", "updatedAt", "ownedAt"}

// item is one session on its way.
type item struct {
	id    string // that it had
	draft client.Draft
	until time.Time // when it expires; zero: never
}

// errExpired is of a session whose time has ended, or ends before it could be made.
var errExpired = errors.New("it has expired")

// unknownFields are members of a line that no session has.
type unknownFields []string

func (u unknownFields) Error() string {
	return fmt.Sprintf("unknown field %s: it would be lost (--ignore-unknown drops it)", strings.Join(u, ", "))
}

// parse reads one line: a session as the API shows it, where what the fleet gives by itself may be missing. dropped are members that no
// session has, where those are to be ignored.
func parse(line []byte, ignoreUnknown bool) (it item, dropped int, err error) {
	if !utf8.Valid(line) {
		return item{}, 0, errors.New("is not valid UTF-8")
	}
	members := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(&members); err != nil {
		return item{}, 0, fmt.Errorf("is not a JSON object: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return item{}, 0, errors.New("holds more than one JSON object")
	}
	if members == nil {
		return item{}, 0, errors.New("is not a JSON object: null")
	}
	draft := &it.draft
	for _, f := range []struct {
		name string
		into any
	}{
		{"id", &it.id}, {"type", &draft.Type}, {"name", &draft.Name}, {"workspace", &draft.Workspace}, {"config", &draft.Config},
		{"labels", &draft.Labels}, {"status", &draft.Status}, {"durability", &draft.Durability}, {"expiresAt", &it.until},
	} {
		raw, there := members[f.name]
		delete(members, f.name)
		if !there {
			continue
		}
		value := json.NewDecoder(bytes.NewReader(raw))
		value.UseNumber()
		if err := value.Decode(f.into); err != nil {
			return it, 0, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for _, name := range ownFields {
		delete(members, name)
	}
	if unknown := slices.Sorted(maps.Keys(members)); len(unknown) > 0 {
		if dropped = len(unknown); !ignoreUnknown {
			return it, 0, unknownFields(unknown)
		}
	}
	return it, dropped, it.check()
}

// check holds an item to the limits that every fleet has, and gives it the label of where it came from.
func (it *item) check() error {
	if it.id == "" {
		return errors.New("id is required: by it the session is recognised when it is imported again")
	}
	labels := maps.Clone(it.draft.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	delete(labels, LabelMovingTo)
	delete(labels, LabelReadUpTo)
	delete(labels, LabelPartial)
	if labels[LabelMovingFrom] != "" {
		return fmt.Errorf("has the label %s: it is a copy of a move that is not finished", LabelMovingFrom)
	}
	labels[LabelImportedFrom] = it.id
	it.draft.Labels = labels
	if len(labels) > session.MaxLabels {
		return fmt.Errorf("has %d labels with %s, at most %d are allowed", len(labels), LabelImportedFrom, session.MaxLabels)
	}
	d := session.Draft{Type: it.draft.Type, Name: it.draft.Name, Workspace: it.draft.Workspace, Config: it.draft.Config, Labels: labels,
		Status: session.Status(it.draft.Status), Durability: session.Durability(it.draft.Durability)}
	return d.Validate()
}

// live sets the time that is left.
func (it *item) live(now time.Time) error {
	if it.until.IsZero() {
		return nil
	}
	it.draft.TTL = min(it.until.Sub(now), session.MaxTTL).Truncate(time.Millisecond)
	if it.draft.TTL < session.MinTTL {
		return errExpired
	}
	return nil
}
