package events

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// errGone means that events are missing behind a position: they are not kept any more, or Redis has lost them.
var errGone = errors.New("events are missing after the cursor")

// happening is an event, and where it stands.
type happening struct {
	event  session.Event
	stream int
	at     position
	void   bool // what stands there cannot be read as an event
}

// nodes is the number of the stream of nodes' events; those of the partitions come before.
func (f *Feed) nodes() int { return f.keys.Partitions() }

func (f *Feed) streams() int { return f.keys.Partitions() + 1 }

func (f *Feed) key(stream int) string {
	if stream == f.nodes() {
		return f.keys.FleetEvents()
	}
	return f.keys.Events(stream)
}

// concerned are the streams in which events lie that a filter may select.
func (f *Feed) concerned(filter session.EventFilter) (streams []int) {
	partitions, nodes := len(filter.Types) == 0, len(filter.Types) == 0 && filter.Session == ""
	for _, t := range filter.Types {
		partitions = partitions || t.OfSession()
		nodes = nodes || !t.OfSession() && filter.Session == ""
	}
	switch {
	case partitions && filter.Session != "":
		streams = append(streams, f.keys.Partition(filter.Session))
	case partitions:
		for p := range f.keys.Partitions() {
			streams = append(streams, p)
		}
	}
	if nodes {
		streams = append(streams, f.nodes())
	}
	return streams
}

// each sends commands about streams, those of one master in one flush, and fails with the errors of masters that did not answer. What the
// others answered stands in the commands.
func (f *Feed) each(ctx context.Context, streams []int, fill func(p redis.Pipeliner, stream int)) error {
	top, byMaster := f.redis.Topology(), map[int][]int{}
	for _, s := range streams {
		m := top.MasterOf(keyspace.Slot(f.key(s)))
		byMaster[m] = append(byMaster[m], s)
	}
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for _, some := range byMaster {
		all.Go(func() {
			err := f.redis.Read(ctx, func(p redis.Pipeliner) {
				for _, s := range some {
					fill(p, s)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// read returns the next events of each of the streams, up to most of each, in the order of each stream and else by time, with the positions
// behind them; more says that a stream may have further ones. It returns errGone where events are missing in between, and otherwise the
// error of masters that did not answer, with what the others have.
func (f *Feed) read(ctx context.Context, from positions, streams []int, most int) (found []happening, more bool, err error) {
	entries := make(map[int]*redis.XMessageSliceCmd, len(streams))
	lengths := map[int]*redis.IntCmd{}
	var mu sync.Mutex // masters are asked at the same time
	err = f.each(ctx, streams, func(p redis.Pipeliner, s int) {
		mu.Lock()
		defer mu.Unlock()
		if from[s].zero() {
			entries[s], lengths[s] = p.XRangeN(ctx, f.key(s), "-", "+", int64(most)), p.XLen(ctx, f.key(s))
			return
		}
		entries[s] = p.XRangeN(ctx, f.key(s), from[s].id(), "+", int64(most)+1)
	})
	for _, s := range streams {
		page, failed := entries[s].Result()
		if failed == nil && lengths[s] != nil {
			failed = lengths[s].Err()
		}
		if failed != nil {
			f.noteKey(s, failed)
			continue
		}
		if from[s].zero() {
			// A stream that was empty has lost nothing while it is shorter than what is kept.
			if lengths[s].Val() >= session.EventsKept && len(page) > 0 {
				return nil, false, errGone
			}
		} else {
			// The entry where the reader stands is still there, or what came after it may be gone as well.
			if len(page) == 0 || page[0].ID != from[s].id() {
				return nil, false, errGone
			}
			if !from[s].before {
				page = page[1:]
			}
		}
		more = more || len(page) >= most
		for _, m := range page {
			found = append(found, f.happening(s, m))
		}
	}
	slices.SortStableFunc(found, func(a, b happening) int { return cmp.Compare(a.at.ms, b.at.ms) })
	return found, more, err
}

func (f *Feed) happening(stream int, m redis.XMessage) happening {
	at, _ := parseID(m.ID) // Redis made it
	e, err := f.decode(stream, m)
	if err != nil {
		f.warnOnce(f.key(stream), "an entry of the events cannot be read and is passed over", "entry", m.ID, "error", err)
	}
	return happening{e, stream, at, err != nil}
}

// noteKey logs a key that holds no stream; a server that does not answer is the caller's to tell.
func (f *Feed) noteKey(stream int, err error) {
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		f.warnOnce(f.key(stream), "a key of the events holds something else", "error", err)
	}
}

// latest are the positions of now, oldest those before all that is kept.
func (f *Feed) latest(ctx context.Context) (positions, error) { return f.ends(ctx, false) }

func (f *Feed) oldest(ctx context.Context) (positions, error) { return f.ends(ctx, true) }

func (f *Feed) ends(ctx context.Context, first bool) (positions, error) {
	ps := make(positions, f.streams())
	cmds := make([]*redis.XMessageSliceCmd, len(ps))
	err := f.each(ctx, f.concerned(session.EventFilter{}), func(p redis.Pipeliner, s int) {
		if first {
			cmds[s] = p.XRangeN(ctx, f.key(s), "-", "+", 1)
		} else {
			cmds[s] = p.XRevRangeN(ctx, f.key(s), "+", "-", 1)
		}
	})
	if err != nil {
		return nil, err
	}
	for s, cmd := range cmds {
		page, err := cmd.Result()
		if err != nil {
			f.noteKey(s, err)
		}
		if len(page) > 0 {
			ps[s], _ = parseID(page[0].ID)
			ps[s].before = first
		}
	}
	return ps, nil
}

// ForSession returns the last events of one session that its partition keeps, at most limit, the newest last. It looks at all events that the
// partition keeps, at the most.
func (f *Feed) ForSession(ctx context.Context, id session.ID, limit int) ([]session.Event, error) {
	return f.last(ctx, f.keys.Partition(id), sessionPage, limit, func(e session.Event) bool { return e.Session == id })
}

// OfNodes returns the last events of the fleet's nodes, at most limit, the newest last.
func (f *Feed) OfNodes(ctx context.Context, limit int) ([]session.Event, error) {
	return f.last(ctx, f.nodes(), limit, limit, func(session.Event) bool { return true })
}

// last returns the last events of a stream that are selected. It reads so many in one go.
func (f *Feed) last(ctx context.Context, stream, perPage, limit int, selects func(session.Event) bool) ([]session.Event, error) {
	var events []session.Event
	to := "+"
	for looked := 0; looked < 2*session.EventsKept && len(events) < limit; looked += perPage {
		var page *redis.XMessageSliceCmd
		err := f.redis.Read(ctx, func(p redis.Pipeliner) {
			page = p.XRevRangeN(ctx, f.key(stream), to, "-", int64(perPage))
		})
		if err != nil {
			return nil, err
		}
		if err := page.Err(); err != nil {
			return nil, &session.CorruptError{Key: f.key(stream), Reason: "it is no stream"}
		}
		for _, m := range page.Val() {
			if h := f.happening(stream, m); !h.void && selects(h.event) && len(events) < limit {
				events = append(events, h.event)
			}
		}
		if len(page.Val()) < perPage {
			break
		}
		to = "(" + page.Val()[perPage-1].ID
	}
	slices.Reverse(events)
	return events, nil
}

// sessionPage is how many entries ForSession looks at in one go.
const sessionPage = 500
