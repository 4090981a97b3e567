package sessionstore

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// criteria are the fields that a record must have, and the lines that its labels must hold. The owner is none: an owner's sessions have
// a set of their own.
type criteria struct {
	names, values []string
	labels        []string
}

func newCriteria(f session.Filter) (c criteria) {
	for _, field := range [][2]string{{fieldType, f.Type}, {fieldWorkspace, f.Workspace}, {fieldStatus, string(f.Status)}} {
		if field[1] != "" {
			c.names, c.values = append(c.names, field[0]), append(c.values, field[1])
		}
	}
	for key, value := range f.Labels {
		c.labels = append(c.labels, labelEnd+formatLabel(key, value)+labelEnd)
	}
	if len(c.labels) > 0 {
		c.names = append(c.names, fieldLabels)
	}
	return c
}

// met reports whether values, as HMGET answers for the names, are those of a record that is selected. What is no hash is for whoever reads it
// whole to tell of.
func (c criteria) met(cmd *redis.SliceCmd) bool {
	has := cmd.Val()
	if cmd.Err() != nil || len(has) != len(c.names) {
		return true
	}
	for i, want := range c.values {
		if has[i] != want {
			return false
		}
	}
	if len(c.labels) == 0 {
		return true
	}
	text, _ := has[len(has)-1].(string)
	text = labelEnd + text + labelEnd
	return !slices.ContainsFunc(c.labels, func(line string) bool { return !strings.Contains(text, line) })
}

// selected reads those home records of ids, in order, that a filter may select. It looks at the fields that the filter is about first: they
// cost a fraction of the whole.
func (s *Store) selected(ctx context.Context, ids []session.ID, f session.Filter) ([]Record, error) {
	c := newCriteria(f)
	if len(c.names) == 0 {
		return s.homes(ctx, ids)
	}
	cmds := make([]*redis.SliceCmd, len(ids))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = pipe.HMGet(ctx, s.keys.Session(id), c.names...)
		}
	})
	if err != nil {
		return nil, err
	}
	var some []session.ID
	for i, id := range ids {
		if c.met(cmds[i]) {
			some = append(some, id)
		}
	}
	return s.homes(ctx, some)
}
