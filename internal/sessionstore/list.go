package sessionstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

const (
	listWindow  = 16    // sets of ids looked at in one flush at the most, where a list goes from partition to partition
	listStep    = 100   // ids read at once at the least, so that a small page with a rare filter does not take a trip for each
	listMost    = 500   // ids read at once at the most: what is selected need not be spread evenly
	listScanned = 10000 // records one call reads at the most, so that a filter that matches little cannot hold a node
	listOwners  = 4     // owners whose sets are read in place of the index; of more, the index costs less
)

// walk goes through the ids of sessions in the order of a list.
type walk interface {
	// next returns the ids that come next, no more than sc wants, and where to go on after them: at partition number Partitions() is the end.
	// There may be none before it.
	next(ctx context.Context, sc scan) ([]session.ID, cursor, error)
}

// List returns a page of the sessions that are asked for. It reads home alone, page by page: after the loss of a Redis master it may lag
// until the sync round has passed. A page may be short, even empty, and still have a next one. A token that no store with the same secret gave
// out for the same filter and order is a *session.InvalidError.
func (s *Store) List(ctx context.Context, want session.Listing) (session.Page, error) {
	want.Order = cmp.Or(want.Order, session.ByID)
	at, err := s.readToken(want)
	if err != nil {
		return session.Page{}, err
	}
	var page session.Page
	w := s.walk(want, at)
	for sc := newScan(want.Limit); sc.looked < listScanned; {
		ids, next, err := w.next(ctx, sc)
		if err != nil {
			return session.Page{}, err
		}
		some, err := s.selected(ctx, ids, want.Filter)
		if err != nil {
			return session.Page{}, err
		}
		switch full, err := s.fill(ctx, &page, want, some); {
		case err != nil:
			return session.Page{}, err
		case full:
			return page, nil
		}
		sc = sc.next(len(ids), next.partition-at.partition, want.Limit-len(page.Sessions), len(page.Sessions))
		if at = next; at.partition == s.keys.Partitions() {
			return page, nil
		}
	}
	page.Next = s.token(want, at)
	return page, nil
}

// fill puts those of the sessions that are asked for on a page, and reports whether it is full and goes on behind its last one. It reads no more of
// them whole than the page lacks, and one more, which tells that there is a next page; where some have ended, twice as many the next time.
func (s *Store) fill(ctx context.Context, page *session.Page, want session.Listing, ids []session.ID) (full bool, err error) {
	for n := want.Limit - len(page.Sessions) + 1; len(ids) > 0; n *= 2 {
		n = min(n, len(ids))
		records, err := s.homes(ctx, ids[:n])
		if err != nil {
			return false, err
		}
		ids = ids[n:]
		for _, r := range records {
			if !r.exists() || !want.Match(r.Session) || r.Expired(s.redis.Now()) {
				continue
			}
			if len(page.Sessions) == want.Limit {
				last := page.Sessions[want.Limit-1].ID
				page.Next = s.token(want, cursor{s.keys.Partition(last), last})
				return true, nil
			}
			page.Sessions = append(page.Sessions, r.Session)
		}
	}
	return false, nil
}

func (s *Store) walk(want session.Listing, at cursor) walk {
	if want.Order == session.ByID {
		return &byPartition{s: s, at: at, owners: want.Owners}
	}
	return newByCreation(s, want, at)
}

// scan is how a list goes on: how much it has looked at, and how much it reads at once.
type scan struct {
	looked     int // ids, and one for each flush
	partitions int // it has come through
	step       int // ids to read next
	window     int // partitions to read them from
}

// newScan begins with what fills a page without a filter, and one more, which tells that there is a next page.
func newScan(limit int) scan {
	return scan{step: min(max(listStep, limit+1), session.MaxPage), window: listWindow / 4}
}

// next sizes the next flush by what was found so far: as many ids as should fill the page, from as many partitions as should hold them.
func (sc scan) next(ids, partitions, missing, selected int) scan {
	sc.looked += ids + 1
	sc.partitions += partitions
	sc.step = min(max(listStep, (missing+1)*sc.looked/max(selected, 1)), listMost)
	sc.window = min(max(1, sc.step*max(sc.partitions, 1)/sc.looked), listWindow)
	return sc
}

// listKeys returns the sets of a partition that together name all sessions of the owners, or of everybody where they are too many.
func (s *Store) listKeys(partition int, owners []session.NodeID) []string {
	if len(owners) == 0 || len(owners) > listOwners {
		return []string{s.keys.Index(partition)}
	}
	keys := make([]string, len(owners))
	for i, owner := range owners {
		keys[i] = s.keys.Owned(partition, owner)
	}
	return keys
}

// homes reads the home records of ids in one flush, in order. One that this version cannot read is left out and logged.
func (s *Store) homes(ctx context.Context, ids []session.ID) ([]Record, error) {
	cmds := make([]*redis.MapStringStringCmd, len(ids))
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for i, id := range ids {
			cmds[i] = pipe.HGetAll(ctx, s.keys.Session(id))
		}
	})
	if err != nil {
		return nil, err
	}
	records := make([]Record, 0, len(ids))
	for i, id := range ids {
		p := s.placeOf(id)
		f, err := readFound(p, home, cmds[i])
		var r Record
		if err == nil {
			r, err = p.decode(f)
		}
		if err != nil {
			s.log.Warn("left a session out of a list", "session", id, "error", err)
			continue
		}
		records = append(records, r)
	}
	return records, nil
}

// merged puts pages of several sets, each of up to limit members in order, into one order, each member once, as far as it is known: up to
// where the first page ends that was cut short. more: one was.
func merged(pages [][]string, limit int) (all []string, more bool) {
	if len(pages) == 1 {
		return pages[0], len(pages[0]) == limit
	}
	end := ""
	for _, page := range pages {
		all = append(all, page...)
		if len(page) == limit && (!more || page[limit-1] < end) {
			end, more = page[limit-1], true
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if more {
		known, _ := slices.BinarySearch(all, end)
		all = all[:known+1]
	}
	return all, more
}
