package sessionstore

import (
	"slices"
	"time"

	"orchestrator/internal/session"
)

// image is a record as it is written: its stamp, its fields, and what home derives the rest from.
type image struct {
	stamp   session.Stamp
	fields  []any // names and values, without writtenAt
	diff    diff
	holder  session.Holder
	expires time.Time
	gone    bool // a tombstone
}

// diff is what of a record differs from the one that it is made from. A place that holds that one's stamp holds that record, so
// it need be told no more.
type diff struct {
	from   session.Stamp // zero: the record is not known by what it differs in
	fields []any         // names and values
	gone   []any         // names
}

// image returns the record as it is written. It fails with a *session.TooLargeError or *session.InvalidError.
func (c *codec) image(r Record) (image, error) {
	fields, err := c.encode(r)
	return image{stamp: r.Stamp, fields: fields, holder: r.Holder, expires: r.ExpiresAt, gone: r.Tombstone}, err
}

// imageOver is image for a record that is made from base.
func (c *codec) imageOver(r, base Record) (image, error) {
	im, err := c.image(r)
	if err != nil {
		return im, err
	}
	im.diff = differ(base.plain(), im.fields)
	im.diff.from = base.Stamp
	return im, nil
}

// differ compares a record's fields with those before. They are few: looking through them costs less than a map.
func differ(before, now []any) (d diff) {
	for i := 0; i < len(now); i += 2 {
		if was := valueOf(before, now[i]); was != now[i+1] {
			d.fields = append(d.fields, now[i], now[i+1])
		}
	}
	for i := 0; i < len(before); i += 2 {
		if valueOf(now, before[i]) == nil {
			d.gone = append(d.gone, before[i])
		}
	}
	return d
}

// valueOf returns a field's value; nil: there is none.
func valueOf(fields []any, name any) any {
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == name {
			return fields[i+1]
		}
	}
	return nil
}

// over returns what is to be told to a place that is expected to hold a stamp: as arguments of the scripts, from the number of strings
// that make up fields and values on.
func (im image) over(expect session.Stamp) []any {
	if im.diff.from.IsZero() || im.diff.from != expect {
		return append([]any{len(im.fields), -1}, im.fields...)
	}
	return slices.Concat([]any{len(im.diff.fields), len(im.diff.gone)}, im.diff.fields, im.diff.gone)
}

// image returns the record as it was found, so that a repair writes what it read, to the letter.
func (f found) image() image {
	im := image{stamp: f.head.Stamp, gone: f.head.Tombstone}
	for name, value := range f.fields {
		if name != fieldWrittenAt {
			im.fields = append(im.fields, name, value)
		}
	}
	im.holder = session.Holder{Node: session.NodeID(f.fields[fieldOwner]), Incarnation: f.fields[fieldIncarnation]}
	im.expires, _ = time.Parse(time.RFC3339, f.fields[fieldExpiresAt])
	return im
}
