package sessionstore

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

const (
	listWindow  = 16    // partitions looked at in one flush at the most
	listStep    = 100   // ids read at once at the least, so that a small page with a rare filter does not take a trip for each
	listMost    = 500   // ids read at once at the most: what is selected need not be spread evenly
	listScanned = 10000 // records one call reads at the most, so that a filter that matches little cannot hold a node
)

// cursor is where a list goes on: after an id in a partition. Ids never move between partitions, so it stays good for ever.
type cursor struct {
	partition int
	after     session.ID // empty: from the partition's first
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1." + strconv.Itoa(c.partition) + "." + string(c.after)))
}

func (s *Store) parseCursor(token string) (cursor, error) {
	if token == "" {
		return cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.SplitN(string(raw), ".", 3)
	bad := session.Invalid("pageToken", "is not one that this fleet gave out")
	if err != nil || len(parts) != 3 || parts[0] != "1" {
		return cursor{}, bad
	}
	partition, err := strconv.Atoi(parts[1])
	if err != nil || partition < 0 || partition >= s.keys.Partitions() {
		return cursor{}, bad
	}
	if parts[2] != "" {
		if _, err := session.ParseID(parts[2]); err != nil {
			return cursor{}, bad
		}
	}
	return cursor{partition, session.ID(parts[2])}, nil
}

// List returns a page of the sessions that f selects, by partition and, within one, by id. It reads home alone, page by page:
// after the loss of a Redis master it may lag until the sync round has passed. A page may be short, even empty, and still have a
// next one. limit is 1 to session.MaxPage.
func (s *Store) List(ctx context.Context, f session.Filter, limit int, token string) (session.Page, error) {
	at, err := s.parseCursor(token)
	if err != nil {
		return session.Page{}, err
	}
	var page session.Page
	for sc := newScan(limit); sc.looked < listScanned; {
		ids, next, err := s.entries(ctx, f.Owner, at, sc)
		if err != nil {
			return session.Page{}, err
		}
		records, err := s.selected(ctx, ids, f)
		if err != nil {
			return session.Page{}, err
		}
		for _, r := range records {
			if !r.exists() || !f.Match(r.Session) || r.Expired(s.redis.Now()) {
				continue
			}
			if len(page.Sessions) == limit { // one more is known to follow
				last := page.Sessions[limit-1].ID
				page.Next = cursor{s.keys.Partition(last), last}.String()
				return page, nil
			}
			page.Sessions = append(page.Sessions, r.Session)
		}
		sc = sc.next(len(ids), next.partition-at.partition, limit-len(page.Sessions), len(page.Sessions))
		if at = next; at.partition == s.keys.Partitions() {
			return page, nil
		}
	}
	page.Next = at.String()
	return page, nil
}

// scan is how a list goes on: how much it has looked at, and how much it reads at once.
type scan struct {
	looked     int // ids, and one for each flush
	partitions int // it has come through
	step       int // ids to read next
	window     int // partitions to read them from
}

func newScan(limit int) scan { return scan{step: max(listStep, limit), window: listWindow / 4} }

// next sizes the next flush by what was found so far: as many ids as should fill the page, from as many partitions as should hold them.
func (sc scan) next(ids, partitions, missing, selected int) scan {
	sc.looked += ids + 1
	sc.partitions += partitions
	sc.step = min(max(listStep, (missing+1)*sc.looked/max(selected, 1)), listMost)
	sc.window = min(max(1, sc.step*max(sc.partitions, 1)/sc.looked), listWindow)
	return sc
}

// entries returns the next ids from at on, of one owner or of all, and where to go on.
func (s *Store) entries(ctx context.Context, owner session.NodeID, at cursor, sc scan) ([]session.ID, cursor, error) {
	end := min(at.partition+sc.window, s.keys.Partitions())
	cmds := make([]*redis.StringSliceCmd, 0, listWindow)
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		cmds = cmds[:0]
		for p := at.partition; p < end; p++ {
			from := "-"
			if p == at.partition && at.after != "" {
				from = "(" + string(at.after)
			}
			cmds = append(cmds, pipe.ZRangeArgs(ctx, redis.ZRangeArgs{Key: s.listKey(p, owner), Start: from, Stop: "+", ByLex: true, Count: int64(sc.step)}))
		}
	})
	if err != nil {
		return nil, at, err
	}
	var ids []session.ID
	for i, cmd := range cmds {
		last := at.after
		if i > 0 {
			last = ""
		}
		for _, id := range cmd.Val() {
			if len(ids) == sc.step {
				return ids, cursor{at.partition + i, last}, nil
			}
			last = session.ID(id)
			ids = append(ids, last)
		}
		if len(cmd.Val()) == sc.step {
			return ids, cursor{at.partition + i, last}, nil
		}
	}
	return ids, cursor{partition: end}, nil
}

func (s *Store) listKey(partition int, owner session.NodeID) string {
	if owner != "" {
		return s.keys.Owned(partition, owner)
	}
	return s.keys.Index(partition)
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
