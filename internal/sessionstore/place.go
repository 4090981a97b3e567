package sessionstore

import (
	"slices"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// place is where the records of one chain lie: a session's, or an idempotency key's.
type place struct {
	keys      *keyspace.Keys
	partition int
	session   session.ID
	digest    string // of an idempotency key; empty for a session
}

func (s *Store) placeOf(id session.ID) place {
	return place{keys: s.keys, partition: s.keys.Partition(id), session: id}
}

// home is the tag number of home; copies have numbers from 1.
const home = 0

// key returns the record's key at a tag: home, or a copy tag's number.
func (p place) key(tag int) string {
	switch {
	case p.digest != "" && tag == home:
		return p.keys.Idempotency(p.partition, p.digest)
	case p.digest != "":
		return p.keys.IdempotencyCopy(p.partition, tag, p.digest)
	case tag == home:
		return p.keys.Session(p.session)
	default:
		return p.keys.Copy(p.session, tag)
	}
}

// beside returns the keys at a tag that lie beside a session's record: its messages, its context, and at home the index of the messages.
func (p place) beside(tag int) []string {
	keys := []string{p.keys.Messages(p.session, tag), p.keys.Context(p.session, tag)}
	if tag == home {
		keys = append(keys, p.keys.Published(p.session))
	}
	return keys
}

// chainFor chooses the copy tags of a session made now in a partition: places whose masters differ from home's and from one
// another, on other hosts where that can be had. The order of preference turns with the partition, so that the copies of one
// master's sessions spread over all others. Where the masters do not suffice the chain is shorter than wanted.
func (s *Store) chainFor(partition int) []int {
	top := s.redis.Topology()
	used := []int{top.MasterOf(s.keys.HomeSlot(partition))}
	var chain []int
	for len(chain) < s.factor-1 {
		tag := s.bestTag(top, partition, used)
		if tag == 0 {
			break
		}
		used = append(used, top.MasterOf(s.keys.CopySlot(partition, tag)))
		chain = append(chain, tag)
	}
	return chain
}

// bestTag returns the copy tag on a master that is not used yet, preferring a host that is not used either; 0: there is none.
func (s *Store) bestTag(top *redisx.Topology, partition int, used []int) int {
	onOtherMaster := 0
	for i := range keyspace.CopyTags {
		tag := 1 + (i*3+partition)%keyspace.CopyTags
		master := top.MasterOf(s.keys.CopySlot(partition, tag))
		if master < 0 || slices.Contains(used, master) {
			continue
		}
		if !sameHost(top, master, used) {
			return tag
		}
		if onOtherMaster == 0 {
			onOtherMaster = tag
		}
	}
	return onOtherMaster
}

func sameHost(top *redisx.Topology, master int, used []int) bool {
	for _, u := range used {
		if u >= 0 && top.Masters[u].Host == top.Masters[master].Host {
			return true
		}
	}
	return false
}

// apart reports whether a chain keeps its promise under the present topology: as many copies as asked for, and home and all of
// them on different masters.
func (s *Store) apart(partition int, chain []int) bool {
	top := s.redis.Topology()
	masters := []int{top.MasterOf(s.keys.HomeSlot(partition))}
	for _, tag := range chain {
		m := top.MasterOf(s.keys.CopySlot(partition, tag))
		if m < 0 || slices.Contains(masters, m) {
			return false
		}
		masters = append(masters, m)
	}
	return len(chain) >= s.Factor()-1
}
