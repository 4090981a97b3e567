package sessionstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// scene is all that one place holds for a session: the keys that lie in one slot and are lost together.
type scene struct {
	record string // the key of the record
	beside []string
	lease  string // of home
	zsets  []string
	sets   []string
}

// sceneOf names the keys of home, or of a copy tag.
func sceneOf(k *keyspace.Keys, id session.ID, tag int, nodes []session.Holder) scene {
	p := k.Partition(id)
	if tag != home {
		return scene{record: k.Copy(id, tag), beside: []string{k.Messages(id, tag), k.Context(id, tag)}, zsets: []string{k.Copies(p, tag)}}
	}
	s := scene{record: k.Session(id), beside: []string{k.Messages(id, home), k.Context(id, home), k.Published(id)}, lease: k.Lease(id),
		zsets: []string{k.Index(p), k.Expiry(p), k.Tombstones(p)}, sets: []string{k.Owners(p)}}
	for _, n := range nodes {
		s.zsets = append(s.zsets, k.Owned(p, n.Node))
	}
	return s
}

// still is what a scene held at one moment.
type still struct {
	record    map[string]string
	messages  []redis.XMessage
	context   string
	published map[string]string // at home
	lease     string
	zsets     map[string][]redis.Z
	sets      map[string][]string
}

// take reads a scene.
func (s scene) take(ctx context.Context, c redis.UniversalClient) (still, error) {
	var record, published *redis.MapStringStringCmd
	var messages *redis.XMessageSliceCmd
	var lease, context *redis.StringCmd
	zsets, sets := map[string]*redis.ZSliceCmd{}, map[string]*redis.StringSliceCmd{}
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		record = p.HGetAll(ctx, s.record)
		messages, context = p.XRange(ctx, s.beside[0], "-", "+"), p.Get(ctx, s.beside[1])
		if s.lease != "" {
			lease, published = p.Get(ctx, s.lease), p.HGetAll(ctx, s.beside[2])
		}
		for _, key := range s.zsets {
			zsets[key] = p.ZRangeWithScores(ctx, key, 0, -1)
		}
		for _, key := range s.sets {
			sets[key] = p.SMembers(ctx, key)
		}
		return nil
	})
	if err != nil && err != redis.Nil {
		return still{}, err
	}
	out := still{record: record.Val(), messages: messages.Val(), context: context.Val(), zsets: map[string][]redis.Z{}, sets: map[string][]string{}}
	if lease != nil {
		out.lease, out.published = lease.Val(), published.Val()
	}
	for key, cmd := range zsets {
		out.zsets[key] = cmd.Val()
	}
	for key, cmd := range sets {
		out.sets[key] = cmd.Val()
	}
	return out, nil
}

// put makes a scene hold what it held at an earlier moment; the zero still is nothing at all.
func (s scene) put(ctx context.Context, c redis.UniversalClient, old still) error {
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range slices.Concat([]string{s.record}, s.beside, s.zsets, s.sets) {
			p.Del(ctx, key)
		}
		if len(old.record) > 0 {
			p.HSet(ctx, s.record, old.record)
		}
		for _, m := range old.messages {
			p.XAdd(ctx, &redis.XAddArgs{Stream: s.beside[0], ID: m.ID, Values: m.Values})
		}
		if old.context != "" {
			p.Set(ctx, s.beside[1], old.context, 0)
		}
		if len(old.published) > 0 {
			p.HSet(ctx, s.beside[2], old.published)
		}
		if s.lease != "" {
			p.Del(ctx, s.lease)
		}
		if old.lease != "" {
			p.Set(ctx, s.lease, old.lease, time.Minute)
		}
		for key, members := range old.zsets {
			if len(members) > 0 {
				p.ZAdd(ctx, key, members...)
			}
		}
		for key, members := range old.sets {
			if len(members) > 0 {
				p.SAdd(ctx, key, members)
			}
		}
		return nil
	})
	return err
}

// stamp is the record's stamp as text; "-": there is none.
func (s still) stamp() string {
	if len(s.record) == 0 {
		return "-"
	}
	return s.record[fieldEpoch] + "." + s.record[fieldVersion] + "." + s.record[fieldOp]
}

// content is all that records with one stamp must share.
func (s still) content() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.record)) {
		if name != fieldWrittenAt {
			fmt.Fprintf(&b, "%s=%q ", name, s.record[name])
		}
	}
	return b.String()
}

// besides says where what lies beside the record at a tag differs from what the record says; empty: nowhere.
func (s still) besides(tag int) string {
	chain, _ := parseTags(s.record[fieldChain])
	last, op := s.record[fieldMessages], ""
	if of, err := session.ParseStamp(s.record[fieldContext]); err == nil {
		op = string(of.Op)
	}
	if tag != home && !slices.Contains(chain, tag) || s.record[fieldDeleted] != "" {
		last, op = "", ""
	}
	gotLast, gotOp := "", s.context[:min(opSize, len(s.context))]
	if n := len(s.messages); n > 0 {
		gotLast = s.messages[n-1].ID
	}
	if gotLast != last || gotOp != op {
		return fmt.Sprintf("messages end with %q, the record says %q; the context is %q's, the record says %q", gotLast, last, gotOp, op)
	}
	if want := s.index(); tag == home && !maps.Equal(s.published, want) {
		return fmt.Sprintf("the index of what was published is %v, that of the messages would be %v", s.published, want)
	}
	return ""
}

// index is what the index of the messages must be.
func (s still) index() map[string]string {
	index := map[string]string{}
	for _, m := range s.messages {
		index["last"] = m.ID
		if key, _ := m.Values[entryKey].(string); key != "" {
			index[key[:len(digest(""))]] = m.ID
		}
	}
	return index
}

// lying is what lies beside the record, as text.
func (s still) lying() string { return fmt.Sprint(s.messages, s.context) }

// derived says where what home keeps beside the record differs from what follows from the record; empty: nowhere.
func (s still) derived(k *keyspace.Keys, id session.ID) string {
	p, live, lease := k.Partition(id), len(s.record) > 0 && s.record[fieldDeleted] == "", ""
	owner := session.NodeID(s.record[fieldOwner])
	want := map[string]string{}
	if live {
		r, err := decode(id, s.record)
		if err != nil {
			return err.Error()
		}
		lease = r.Lease()
		want[k.Index(p)], want[k.Owned(p, owner)] = "0", "0"
		if !r.ExpiresAt.IsZero() {
			want[k.Expiry(p)] = fmt.Sprint(r.ExpiresAt.UnixMilli())
		}
	}
	var wrong []string
	for key, members := range s.zsets {
		got := ""
		for _, m := range members {
			got += fmt.Sprintf("%.0f", m.Score)
		}
		if key == k.Tombstones(p) {
			if (got != "") != (len(s.record) > 0 && !live) {
				wrong = append(wrong, fmt.Sprintf("%s holds %q", key, got))
			}
			continue
		}
		if got != want[key] {
			wrong = append(wrong, fmt.Sprintf("%s holds %q, want %q", key, got, want[key]))
		}
	}
	if got := strings.Join(s.sets[k.Owners(p)], ","); got != string(owner) {
		wrong = append(wrong, fmt.Sprintf("owners are %q, want %q", got, owner))
	}
	if s.lease != lease {
		wrong = append(wrong, fmt.Sprintf("lease is %q, want %q", s.lease, lease))
	}
	return strings.Join(wrong, "; ")
}
