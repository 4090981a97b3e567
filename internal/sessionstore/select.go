package sessionstore

import (
	"context"
	_ "embed"
	"fmt"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed select.lua
var selectSource string

var selectScript = redisx.NewScript("select", selectSource)

// perSelect bounds the records that one call looks at.
const perSelect = 200

// criteria is a filter as the script takes it, but for the owner, whose sessions have a set of their own; nil: it selects everything.
func criteria(f session.Filter) []any {
	var fields, labels []any
	for _, c := range [][2]string{
		{fieldType, f.Type}, {fieldWorkspace, f.Workspace}, {fieldStatus, string(f.Status)},
	} {
		if c[1] != "" {
			fields = append(fields, c[0], c[1])
		}
	}
	for key, value := range f.Labels {
		labels = append(labels, formatLabel(key, value))
	}
	if len(fields)+len(labels) == 0 {
		return nil
	}
	return append(append([]any{len(fields) / 2}, fields...), labels...)
}

// selected reads those home records of ids, in order, that a filter may select: the servers look, so that what is not selected need not be
// fetched. Records that this version cannot read are left out and logged.
func (s *Store) selected(ctx context.Context, ids []session.ID, f session.Filter) ([]Record, error) {
	args := criteria(f)
	if args == nil {
		return s.homes(ctx, ids)
	}
	calls, groups := s.selections(ids, args)
	s.redis.RunAll(ctx, calls...)
	var records []Record
	for i, call := range calls {
		if call.Err != nil {
			return nil, call.Err
		}
		some, err := s.readSelection(call, groups[i])
		if err != nil {
			return nil, err
		}
		records = append(records, some...)
	}
	return records, nil
}

// selections are the calls that look at ids, which come sorted by partition.
func (s *Store) selections(ids []session.ID, args []any) (calls []*redisx.Call, groups [][]session.ID) {
	for _, id := range ids {
		last := len(groups) - 1
		if last < 0 || len(groups[last]) == perSelect || s.keys.Partition(groups[last][0]) != s.keys.Partition(id) {
			calls, groups = append(calls, &redisx.Call{Script: selectScript, Args: args}), append(groups, nil)
			last++
		}
		calls[last].Keys, groups[last] = append(calls[last].Keys, s.keys.Session(id)), append(groups[last], id)
	}
	return calls, groups
}

func (s *Store) readSelection(call *redisx.Call, ids []session.ID) ([]Record, error) {
	reply, ok := call.Reply.([]any)
	if !ok || len(reply)%2 != 0 {
		return nil, redisx.Unavailable(fmt.Sprintf("script %s answered %v", selectScript.Name(), call.Reply), nil)
	}
	records := make([]Record, 0, len(reply)/2)
	for i := 0; i < len(reply); i += 2 {
		n, _ := reply[i].(int64)
		if n < 1 || int(n) > len(ids) {
			return nil, redisx.Unavailable(fmt.Sprintf("script %s answered the number %v", selectScript.Name(), reply[i]), nil)
		}
		r, err := s.placeOf(ids[n-1]).readFields(reply[i+1])
		if err != nil {
			s.leftOut(ids[n-1], err)
			continue
		}
		records = append(records, r)
	}
	return records, nil
}

// readFields reads a record from the fields and values that a script returned.
func (p place) readFields(reply any) (Record, error) {
	list, ok := reply.([]any)
	if !ok {
		return Record{}, &session.CorruptError{Key: p.key(home), Reason: "it is no hash"}
	}
	fields := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		name, _ := list[i].(string)
		fields[name], _ = list[i+1].(string)
	}
	r, err := decode(p.session, fields)
	if err != nil {
		return Record{}, &session.CorruptError{Key: p.key(home), Reason: err.Error()}
	}
	return r, nil
}

// leftOut tells of a session that a list does not show.
func (s *Store) leftOut(id session.ID, err error) {
	s.log.Warn("left a session out of a list", "session", id, "error", err)
}
