package sessionstore

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// criteria are what the fields of a record must hold.
type criteria struct {
	names  []string
	values [][]string // of each name but the last, where there are labels: one of them
	labels session.Selector
	keys   []string // of labels, as their lines begin
}

func newCriteria(f session.Filter) (c criteria) {
	c.oneOf(fieldType, texts(f.Types))
	c.oneOf(fieldStatus, texts(f.Statuses))
	if len(f.Owners) > listOwners { // else their own sets are read
		c.oneOf(fieldOwner, texts(f.Owners))
	}
	if f.Workspace != "" {
		c.oneOf(fieldWorkspace, []string{f.Workspace})
	}
	if c.labels = f.Labels; len(c.labels) > 0 {
		c.names = append(c.names, fieldLabels)
	}
	for _, r := range c.labels {
		c.keys = append(c.keys, labelEnd+r.Key+labelIs)
	}
	return c
}

func (c *criteria) oneOf(name string, values []string) {
	if len(values) > 0 {
		c.names, c.values = append(c.names, name), append(c.values, values)
	}
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// met reports whether values, as HMGET answers for the names, are those of a record that is selected. What is no hash is for whoever reads it
// whole to tell of.
func (c criteria) met(cmd *redis.SliceCmd) bool {
	has := cmd.Val()
	if cmd.Err() != nil || len(has) != len(c.names) {
		return true
	}
	for i, want := range c.values {
		if is, _ := has[i].(string); !slices.Contains(want, is) {
			return false
		}
	}
	if len(c.labels) == 0 {
		return true
	}
	text, _ := has[len(has)-1].(string)
	return c.labelled(labelEnd + text + labelEnd)
}

// labelled reports whether the lines of labels, each with a line feed before and after it, are those of a session that is selected.
func (c criteria) labelled(lines string) bool {
	for i, r := range c.labels {
		at := strings.Index(lines, c.keys[i])
		if at < 0 {
			if !r.Met("", false) {
				return false
			}
			continue
		}
		value, _, _ := strings.Cut(lines[at+len(c.keys[i]):], labelEnd)
		if !r.Met(value, true) {
			return false
		}
	}
	return true
}

// selected returns those of ids, in order, that a filter may select. It looks at the fields of their home records that the filter is about: they
// cost a fraction of the whole.
func (s *Store) selected(ctx context.Context, ids []session.ID, f session.Filter) ([]session.ID, error) {
	c := newCriteria(f)
	if len(c.names) == 0 {
		return ids, nil
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
	return some, nil
}
