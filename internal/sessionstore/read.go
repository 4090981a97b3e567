package sessionstore

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// found is one record as one server holds it.
type found struct {
	tag    int
	head   head
	fields map[string]string
}

func (f found) absent() bool { return f.head.Stamp.IsZero() }

// look is what one look at a chain's places showed: by tag, present or absent.
type look map[int]found

// read fetches whole records at the given tags into l. A key that is no hash, or a head that cannot be read, is a *session.CorruptError.
func (s *Store) read(ctx context.Context, p place, l look, tags ...int) error {
	cmds := make([]*redis.MapStringStringCmd, len(tags))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, tag := range tags {
			cmds[i] = pipe.HGetAll(ctx, p.key(tag))
		}
	})
	if err != nil {
		return err
	}
	for i, tag := range tags {
		if l[tag], err = readFound(p, tag, cmds[i]); err != nil {
			return err
		}
	}
	return nil
}

func readFound(p place, tag int, cmd *redis.MapStringStringCmd) (found, error) {
	fields, err := cmd.Result()
	if err != nil {
		return found{}, &session.CorruptError{Key: p.key(tag), Reason: "it is no hash"}
	}
	h, err := decodeHead(fields)
	if err != nil {
		return found{}, &session.CorruptError{Key: p.key(tag), Reason: err.Error()}
	}
	return found{tag, h, fields}, nil
}

// decode reads the record that f holds.
func (p place) decode(f found) (Record, error) {
	r, err := decode(p.session, f.fields)
	if err != nil {
		return Record{}, &session.CorruptError{Key: p.key(f.tag), Reason: err.Error()}
	}
	return r, nil
}

// readHome returns home's record alone; the zero Record stands for none. It may lag behind an acknowledged change if home's
// master has been lost, and is otherwise a record that is or was committed.
func (s *Store) readHome(ctx context.Context, p place) (Record, error) {
	l := look{}
	if err := s.read(ctx, p, l, home); err != nil {
		return Record{}, err
	}
	return p.decode(l[home])
}

// reach extends l until it covers every place that matters: home, all that a reached record names as its chain or as the chain before
// a move, and every copy tag where home cannot be trusted to lead to all of them (hides). It returns the reached tags.
func (s *Store) reach(ctx context.Context, p place, l look) ([]int, error) {
	for {
		tags, missing := l.reached(s.hides(p, l))
		if len(missing) == 0 {
			return tags, nil
		}
		if err := s.read(ctx, p, l, missing...); err != nil {
			return nil, err
		}
	}
}

// hides reports whether home may fail to lead to a copy: it is gone; its chain is shorter than it should be, or lies on home's own
// master and may have been rolled back with it to before a move; or a place that was reached is empty, and a pointer lost with it.
func (s *Store) hides(p place, l look) bool {
	f, ok := l[home]
	if !ok {
		return false
	}
	if f.absent() || !s.apart(p.partition, f.head.Chain) {
		return true
	}
	tags, _ := l.reached(false)
	return slices.ContainsFunc(tags, func(tag int) bool { f, ok := l[tag]; return ok && f.absent() })
}

// reached returns the tags reached by the records in l, all of them if all is true, and those that have not been looked at.
func (l look) reached(all bool) (tags, missing []int) {
	seen := map[int]bool{}
	todo := []int{home}
	if all {
		todo = append(todo, allCopyTags...)
	}
	for len(todo) > 0 {
		tag := todo[0]
		todo = todo[1:]
		if seen[tag] {
			continue
		}
		seen[tag] = true
		if f, ok := l[tag]; ok {
			todo = append(append(todo, f.head.Chain...), f.head.From...)
		} else {
			missing = append(missing, tag)
		}
	}
	tags = slices.Sorted(maps.Keys(seen))
	return tags, missing
}

var allCopyTags = []int{1, 2, 3, 4, 5, 6, 7}

// errRefused means that a compare-and-set met another stamp than the expected one. It says nothing by itself: resolve.
var errRefused = errors.New("another change came between")
