package sessionstore

import (
	"fmt"
	"strconv"

	"orchestrator/internal/guards"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// beside is what a record says of what lies beside it: where the messages end, and which change wrote the context.
type beside struct {
	Last        session.MessageID // zero: there are no messages
	Context     session.Stamp     // zero: there is no context
	ContextType string
	Ops         []session.OpID // as Record.Ops, of the changes of both: they are many, and must not push out those that a client asks about again
	Floor       session.OpID
}

func (b beside) nothing() bool { return b.Last.IsZero() && b.Context.IsZero() }

// check returns why a conditional deletion is refused. The record is replaced by its tombstone only as it is here: nothing comes between.
func (b beside) check(cond session.Condition) error {
	if want := cond.LastMessage; want != nil && *want != b.Last {
		return &session.BesideChangedError{What: "messages", Given: want.String(), Current: b.Last.String()}
	}
	if want := cond.Context; want != nil && *want != b.Context {
		return &session.BesideChangedError{What: "context", Given: want.String(), Current: b.Context.String()}
	}
	return nil
}

// dropped leaves the operations alone.
func (b beside) dropped() beside { return beside{Ops: b.Ops, Floor: b.Floor} }

// plain returns the fields that tell of it.
func (b beside) plain() (f []any) {
	if !b.Last.IsZero() {
		f = append(f, fieldMessages, b.Last.String())
	}
	if !b.Context.IsZero() {
		f = append(f, fieldContext, b.Context.String(), fieldContextType, b.ContextType)
	}
	return f
}

// decode reads them; op is the record's own. A former version that changed the record has left them as they were, but not the operations: what
// is no newer than its change can then no longer be told.
func (b *beside) decode(f map[string]string, op session.OpID) (err error) {
	if last, ok := f[fieldMessages]; ok {
		if b.Last, err = session.ParseMessageID(last); err != nil {
			return fmt.Errorf("field messages holds %q, no id of a message", last)
		}
	}
	if stamp, ok := f[fieldContext]; ok {
		if b.Context, err = session.ParseStamp(stamp); err != nil {
			return fmt.Errorf("field context: %w", err)
		}
		b.ContextType = f[fieldContextType]
	}
	if !b.nothing() && len(b.Ops) == 0 {
		b.Floor = op
	}
	return nil
}

// forgottenBeside is forgotten for operations that change what lies beside the record.
func (r Record) forgottenBeside(op session.OpID) bool {
	return guards.RecognizeOps && r.Beside.Floor != "" && op <= r.Beside.Floor
}

// besideBy returns the record as op changes something beside it: no change of the session that a client would see.
func (r Record) besideBy(op session.OpID) Record {
	n := r.next(op)
	n.UpdatedAt, n.Ops, n.Floor, n.Resource = r.UpdatedAt, r.Ops, r.Floor, r.ETag()
	n.Beside.Ops, n.Beside.Floor = remember(r.Beside.Ops, r.Beside.Floor, op)
	return n
}

// besideOf is what a record that was found says lies beside it. What a former version has left in a tombstone counts for nothing.
func (f found) besideOf() (b beside) {
	if !f.head.Tombstone {
		_ = b.decode(f.fields, f.head.Stamp.Op) // where it cannot be read, decode of the whole record says so
	}
	return b
}

// What an attachment does to messages and to context.
const (
	keep   = "keep"
	drop   = "drop"
	whole  = "whole"
	add    = "append"
	set    = "set"
	opSize = 36 // characters of an operation's id, with which a context begins
)

// attachment is what a change does to what lies beside a record.
type attachment struct {
	messages      string
	expects, ends session.MessageID // of add; of add and whole
	entries       []any             // id, kind, data, at, epoch and key of each message
	context       string
	value         string // the operation that wrote it, and the context
}

func newAttachment() *attachment { return &attachment{messages: keep, context: keep} }

// dropping is what removes all that lies beside a record; nil: nothing does.
func (r Record) dropping() *attachment {
	if r.Beside.nothing() {
		return nil
	}
	return &attachment{messages: drop, context: drop}
}

// dropping is Record.dropping for a record of which something may have been left behind.
func (f found) dropping() *attachment {
	if f.fields[fieldMessages] == "" && f.fields[fieldContext] == "" {
		return nil
	}
	return &attachment{messages: drop, context: drop}
}

// args are the last arguments of a script that attach.lua is part of.
func (a *attachment) args() []any {
	expects, ends := "", ""
	if !a.expects.IsZero() {
		expects = a.expects.String()
	}
	if !a.ends.IsZero() {
		ends = a.ends.String()
	}
	args := append([]any{a.messages, expects, ends, strconv.Itoa(session.MessagesKept), a.context, a.value}, a.entries...)
	return append(args, len(args))
}

// attachAt has the write at a tag change what lies beside the record there.
func (st *step) attachAt(tag int, a *attachment) {
	if a == nil {
		return
	}
	if st.attach == nil {
		st.attach = map[int]*attachment{}
	}
	st.attach[tag] = a
}

// attachAll has every write do so.
func (st *step) attachAll(a *attachment) {
	for _, w := range st.writes {
		st.attachAt(w.tag, a)
	}
}

// attachTo has the call of a step change what lies beside its record, if it is to; with is the script that does.
func (st *step) attachTo(call *redisx.Call, tag int, with *redisx.Script) {
	a := st.attach[tag]
	if a == nil {
		return
	}
	call.Script = with
	call.Keys = append(call.Keys, st.place.beside(tag)...)
	call.Args = append(call.Args, a.args()...)
}

// errTorn means that what lies beside a record is not what the record says. It is a refusal: a resolve mends it.
var errTorn = fmt.Errorf("%w: the messages do not end as the record says", errRefused)

// torn says that messages do not end as home's record says, and that no place has those that do.
func (p place) torn(r Record) error {
	return &session.CorruptError{Key: p.keys.Messages(p.session, home), Reason: "the messages do not end with " + r.Beside.Last.String() + ", as the record says"}
}
