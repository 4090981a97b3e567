package sessionstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// The fields of a record's hash. writtenAt is set by the server that holds it; all others are the same in every record of a chain.
const (
	fieldEpoch       = "epoch"
	fieldVersion     = "version"
	fieldOp          = "op"
	fieldChain       = "chain"
	fieldFrom        = "from"
	fieldDeleted     = "deleted"
	fieldWrittenAt   = "writtenAt"
	fieldType        = "type"
	fieldName        = "name"
	fieldWorkspace   = "workspace"
	fieldStatus      = "status"
	fieldOwner       = "owner"
	fieldIncarnation = "incarnation"
	fieldCreatedAt   = "createdAt"
	fieldUpdatedAt   = "updatedAt"
	fieldOwnedAt     = "ownedAt"
	fieldExpiresAt   = "expiresAt"
	fieldLabels      = "labels"
	fieldMessages    = "messages"
	fieldContext     = "context"
	fieldContextType = "contextType"
	fieldBlob        = "blob"
)

// encode returns the record's hash fields as alternating names and values.
func (c *codec) encode(r Record) ([]any, error) {
	if err := checkLabels(r.Labels); err != nil {
		return nil, err
	}
	blob, err := c.encodeBlob(r)
	if err != nil {
		return nil, err
	}
	return append(r.plain(), fieldBlob, blob), nil
}

// plain returns the fields that an operator can read: all but the blob.
func (r Record) plain() []any {
	f := append(stampFields(r.Stamp), fieldChain, formatTags(r.Chain), fieldCreatedAt, formatTime(r.CreatedAt), fieldUpdatedAt, formatTime(r.UpdatedAt))
	if len(r.From) > 0 {
		f = append(f, fieldFrom, formatTags(r.From))
	}
	if r.Tombstone {
		return append(f, fieldDeleted, "1")
	}
	if !r.OwnedAt.IsZero() {
		f = append(f, fieldOwnedAt, formatTime(r.OwnedAt))
	}
	if !r.ExpiresAt.IsZero() {
		f = append(f, fieldExpiresAt, formatTime(r.ExpiresAt))
	}
	if len(r.Labels) > 0 {
		f = append(f, fieldLabels, formatLabels(r.Labels))
	}
	f = append(f, r.Beside.plain()...)
	return append(f, fieldType, r.Type, fieldName, r.Name, fieldWorkspace, r.Workspace, fieldStatus, string(r.Status),
		fieldOwner, string(r.Holder.Node), fieldIncarnation, r.Holder.Incarnation)
}

// decode reads a record's hash. Its errors say which field is wrong; the caller adds the key.
func decode(id session.ID, f map[string]string) (Record, error) {
	head, err := decodeHead(f)
	if err != nil || head.Stamp.IsZero() {
		return Record{}, err
	}
	r := Record{Session: session.Session{ID: id, Stamp: head.Stamp, Copies: len(head.Chain)}, Tombstone: head.Tombstone, Chain: head.Chain, From: head.From}
	if err := decodeBlob(f[fieldBlob], &r); err != nil {
		return Record{}, err
	}
	if err := decodeTimes(f, &r); err != nil || r.Tombstone {
		return r, err
	}
	if err := r.Beside.decode(f, head.Stamp.Op); err != nil {
		return Record{}, err
	}
	r.Type, r.Name, r.Workspace = f[fieldType], f[fieldName], f[fieldWorkspace]
	if r.Status = session.Status(f[fieldStatus]); !r.Status.Valid() {
		return Record{}, fmt.Errorf("field status holds %q", f[fieldStatus])
	}
	if labels, ok := f[fieldLabels]; ok {
		if r.Labels, err = parseLabels(labels); err != nil {
			return Record{}, err
		}
	}
	r.Holder.Incarnation = f[fieldIncarnation]
	if r.Holder.Node, err = session.ParseNodeID(f[fieldOwner]); err != nil {
		return Record{}, fmt.Errorf("field owner holds %q", f[fieldOwner])
	}
	return r, nil
}

// decodeTimes reads the times of a record. A tombstone has no owner and no end of life, a session may have no end, and an older version
// did not keep since when its owner has it.
func decodeTimes(f map[string]string, r *Record) error {
	times := map[string]*time.Time{fieldCreatedAt: &r.CreatedAt, fieldUpdatedAt: &r.UpdatedAt, fieldOwnedAt: &r.OwnedAt, fieldExpiresAt: &r.ExpiresAt}
	for name, to := range times {
		value, ok := f[name]
		if !ok && (name == fieldOwnedAt || name == fieldExpiresAt) {
			continue
		}
		t, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return fmt.Errorf("field %s holds %q, no RFC 3339 time", name, value)
		}
		*to = t.UTC()
	}
	return nil
}

// head is what the protocol compares: it is read without the body.
type head struct {
	Stamp     session.Stamp
	Chain     []int
	From      []int
	Tombstone bool
	WrittenAt time.Time // by the clock of the server that holds the record
}

// headFields are the fields that decodeHead reads.
var headFields = []string{fieldEpoch, fieldVersion, fieldOp, fieldChain, fieldFrom, fieldDeleted, fieldWrittenAt}

func decodeHead(f map[string]string) (h head, err error) {
	if len(f) == 0 || f[fieldEpoch] == "" && f[fieldVersion] == "" && f[fieldOp] == "" {
		if len(f) > 0 {
			return head{}, fmt.Errorf("the stamp's fields epoch, version and op are missing")
		}
		return head{}, nil
	}
	if h.Stamp, err = session.ParseStamp(f[fieldEpoch] + "." + f[fieldVersion] + "." + f[fieldOp]); err != nil {
		return head{}, err
	}
	if raw := f[fieldEpoch] + "." + f[fieldVersion] + "." + f[fieldOp]; h.Stamp.String() != raw {
		return head{}, fmt.Errorf("the stamp %s is spelt %q", h.Stamp, raw)
	}
	if h.Chain, err = parseTags(f[fieldChain]); err != nil {
		return head{}, fmt.Errorf("field chain: %w", err)
	}
	if h.From, err = parseTags(f[fieldFrom]); err != nil {
		return head{}, fmt.Errorf("field from: %w", err)
	}
	ms, err := strconv.ParseInt(f[fieldWrittenAt], 10, 64)
	if err != nil {
		return head{}, fmt.Errorf("field writtenAt holds %q, no milliseconds", f[fieldWrittenAt])
	}
	h.WrittenAt, h.Tombstone = time.UnixMilli(ms), f[fieldDeleted] == "1"
	return h, nil
}

func stampFields(s session.Stamp) []any {
	return []any{fieldEpoch, strconv.FormatUint(s.Epoch, 10), fieldVersion, strconv.FormatUint(s.Version, 10), fieldOp, string(s.Op)}
}

// formatTags writes copy tags as "3,5".
func formatTags(tags []int) string {
	parts := make([]string, len(tags))
	for i, tag := range tags {
		parts[i] = strconv.Itoa(tag)
	}
	return strings.Join(parts, ",")
}

func parseTags(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var tags []int
	for part := range strings.SplitSeq(s, ",") {
		tag, err := strconv.Atoi(part)
		if err != nil || tag < 1 || tag > keyspace.CopyTags {
			return nil, fmt.Errorf("%q is no list of copy tags from 1 to %d", s, keyspace.CopyTags)
		}
		tags = append(tags, tag)
	}
	return tags, nil
}
