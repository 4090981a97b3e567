package sessionstore

import (
	"context"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// siteFields are what Explain reads of a record: never the body.
var siteFields = append(slices.Clone(headFields), fieldOwner, fieldIncarnation, fieldCreatedAt, fieldUpdatedAt, fieldOwnedAt, fieldExpiresAt)

// Explain tells where a session's records lie, whether they agree, and who holds its lease. It looks at every place where one may be, all in one
// flush, and mends nothing: what differs may be a change that its writer is in the middle of. A place that cannot be read is said to be so. The
// session is told as the record that stands has it; it returns session.ErrNotFound where none does. The ranking is left to others.
func (s *Store) Explain(ctx context.Context, id session.ID) (session.Explanation, error) {
	p := s.placeOf(id)
	seen := s.survey(ctx, p)
	l := look{}
	for tag, site := range seen.sites {
		if site.Unread == "" {
			l[tag] = seen.found[tag]
		}
	}
	tags, _ := l.reached(true)
	w, ok := winner(l, tags)
	switch {
	case !ok && len(l) == 0:
		return session.Explanation{}, seen.failure
	case !ok && seen.sites[home].Unread != "":
		return session.Explanation{}, &session.CorruptError{Key: p.key(home), Reason: seen.sites[home].Unread}
	case !ok || w.head.Tombstone:
		return session.Explanation{}, session.ErrNotFound
	}
	e := session.Explanation{Partition: p.partition, Lease: seen.lease}
	var err error
	if e.Session, err = p.identity(w); err != nil {
		return session.Explanation{}, err
	}
	e.Records, e.Colocated = sites(seen, w)
	return e, nil
}

// surveyed is what one look at all places of a session showed.
type surveyed struct {
	found   map[int]found
	sites   map[int]session.Site
	lease   *session.Tenure
	failure error // of the look as a whole
}

func (s *Store) survey(ctx context.Context, p place) surveyed {
	var heads [1 + keyspace.CopyTags]*redis.SliceCmd
	var lease *redis.StringCmd
	var ends *redis.DurationCmd
	err := s.redis.Read(ctx, func(pipe redis.Pipeliner) {
		for tag := range heads {
			heads[tag] = pipe.HMGet(ctx, p.key(tag), siteFields...)
		}
		lease, ends = pipe.Get(ctx, s.keys.Lease(p.session)), pipe.PTTL(ctx, s.keys.Lease(p.session))
	})
	v := surveyed{found: map[int]found{}, sites: map[int]session.Site{}, failure: err}
	for tag, cmd := range heads {
		site := s.site(p, tag)
		switch f, why := readSite(tag, cmd); {
		case why != "":
			site.Unread = why
		case !f.absent():
			v.found[tag], site.Stamp, site.WrittenAt = f, f.head.Stamp, f.head.WrittenAt
		default:
			v.found[tag] = f
		}
		v.sites[tag] = site
	}
	if value, err := lease.Result(); err == nil && ends.Err() == nil {
		v.lease = &session.Tenure{Value: value, Ends: max(0, ends.Val())}
	}
	return v
}

// readSite reads a record's head, or says why it cannot be read.
func readSite(tag int, cmd *redis.SliceCmd) (found, string) {
	values, err := cmd.Result()
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return found{}, "it is no hash"
	case err != nil:
		return found{}, "its master did not answer"
	}
	fields := map[string]string{}
	for i, v := range values {
		if text, ok := v.(string); ok {
			fields[siteFields[i]] = text
		}
	}
	h, err := decodeHead(fields)
	if err != nil {
		return found{}, err.Error()
	}
	return found{tag, h, fields}, ""
}

// site says where a place lies.
func (s *Store) site(p place, tag int) session.Site {
	site := session.Site{Role: session.RoleStray, Key: p.key(tag), Slot: keyspace.Slot(p.key(tag))}
	top := s.redis.Topology()
	if m := top.MasterOf(site.Slot); m >= 0 {
		site.Master = top.Masters[m].Addr
		site.Host, _, _ = net.SplitHostPort(site.Master)
	}
	return site
}

// sites returns the places in the order of the chain of the record that stands, and whether two of its own share a master.
func sites(seen surveyed, w found) (all []session.Site, colocated bool) {
	masters := map[string]bool{}
	for _, tag := range append([]int{home}, w.head.Chain...) {
		site := seen.sites[tag]
		if site.Role = session.RoleCopy; tag == home {
			site.Role = session.RoleHome
		}
		site.Agrees = site.Stamp == w.head.Stamp
		colocated = colocated || masters[site.Master]
		masters[site.Master] = true
		all = append(all, site)
	}
	for tag := 1; tag <= keyspace.CopyTags; tag++ {
		if site := seen.sites[tag]; !slices.Contains(w.head.Chain, tag) && !site.Stamp.IsZero() {
			site.Agrees = site.Stamp == w.head.Stamp
			all = append(all, site)
		}
	}
	return all, colocated
}

// identity is what Explain tells of a session itself.
func (p place) identity(f found) (session.Session, error) {
	r := Record{Session: session.Session{ID: p.session, Stamp: f.head.Stamp, Copies: len(f.head.Chain)}}
	err := decodeTimes(f.fields, &r)
	if err == nil {
		r.Holder.Incarnation = f.fields[fieldIncarnation]
		r.Holder.Node, err = session.ParseNodeID(f.fields[fieldOwner])
	}
	if err != nil {
		return session.Session{}, &session.CorruptError{Key: p.key(f.tag), Reason: err.Error()}
	}
	return r.Session, nil
}

// Preview returns the session that a birth would make now, and fails where Create would, before writing anything.
func (s *Store) Preview(b Birth) (session.Session, error) {
	r := created(b.ID, b.Draft, string(b.ID), session.NewOpID(b.ID.Born()), b.Owner, b.Chain)
	if _, err := s.codec.image(r); err != nil {
		return session.Session{}, err
	}
	return r.Session, nil
}
