package sessionstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// strangers are what somebody else may have put where a record lies, and what the error then names beside the key.
var strangers = []struct {
	name  string
	plant []any // a command without its key, which comes second
	names string
}{
	{"a string", []any{"SET", "x"}, "hash"},
	{"a list", []any{"RPUSH", "x"}, "hash"},
	{"a hash without a stamp", []any{"HSET", "x", "y"}, "epoch, version and op"},
	{"no epoch", []any{"HSET", "epoch", ""}, "epoch"},
	{"an epoch that is no number", []any{"HSET", "epoch", "one"}, "epoch"},
	{"a version past what a script can count", []any{"HSET", "version", "9007199254740993"}, "version"},
	{"no operation", []any{"HSET", "op", ""}, "op"},
	{"a chain of words", []any{"HSET", "chain", "a,b"}, "chain"},
	{"a chain to a place that is not", []any{"HSET", "chain", "8"}, "chain"},
	{"a former chain to home", []any{"HSET", "from", "0"}, "from"},
	{"no time of writing", []any{"HSET", "writtenAt", "soon"}, "writtenAt"},
	{"a status that is not", []any{"HSET", "status", "asleep"}, "status"},
	{"no owner", []any{"HSET", "owner", ""}, "owner"},
	{"a bad time of creation", []any{"HSET", "createdAt", "yesterday"}, "createdAt"},
	{"a bad time of update", []any{"HSET", "updatedAt", ""}, "updatedAt"},
	{"a bad time of taking over", []any{"HSET", "ownedAt", "lately"}, "ownedAt"},
	{"a bad end of life", []any{"HSET", "expiresAt", "never"}, "expiresAt"},
	{"labels that are none", []any{"HSET", "labels", "tier"}, "labels"},
	{"labels in the body", []any{"HSET", "blob", "\x01\x81\xa6labels\x81\xa1a\xa1b"}, "labels"},
	{"no blob", []any{"HSET", "blob", ""}, "blob"},
	{"a blob of a later version", []any{"HSET", "blob", "\x03\x80"}, "format 3"},
	{"a compressed blob that is none", []any{"HSET", "blob", "\x02\x80"}, "zstd"},
	{"a compressed blob with something behind it", []any{"HSET", "blob", packed("\x80") + "x"}, "1 bytes follow the zstd frame"},
	{"a compressed blob that promises much", []any{"HSET", "blob", "\x02" + string(frame(1<<30, repeat(1<<17, 8192)))}, "1073741824 bytes"},
	{"a compressed blob that holds much", []any{"HSET", "blob", "\x02" + string(frame(100, repeat(1<<17, 8192)))}, "zstd"},
	{"a blob cut short", []any{"HSET", "blob", "\x01\x81\xa3"}, "blob"},
	{"a blob that promises much", []any{"HSET", "blob", "\x01\xdf\xff\xff\xff\xff"}, "blob"},
	{"operations that are none", []any{"HSET", "blob", "\x01\x81\xa3ops\x91\xc4\x01x"}, "ops"},
}

// plant puts something at a key; what stays of an earlier hash stays, what is no hash goes.
func (b bundle) plant(t *testing.T, key string, command []any) {
	t.Helper()
	c := b.client.Redis()
	if command[0] != "HSET" || command[1] == "x" {
		if err := c.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Do(t.Context(), append([]any{command[0], key}, command[1:]...)...).Err(); err != nil {
		t.Fatal(err)
	}
}

// dump tells what a key holds. Of a hash, Redis's DUMP tells the order of the fields, too, which changes by itself.
func (b bundle) dump(t *testing.T, key string) string {
	t.Helper()
	if fields, err := b.client.Redis().HGetAll(t.Context(), key).Result(); err == nil {
		return fmt.Sprint(fields)
	}
	d, err := b.client.Redis().Dump(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// names fails the test unless err is a *session.CorruptError that names the key, and says what is expected.
func names(t *testing.T, what string, err error, key, reason string) {
	t.Helper()
	var corrupt *session.CorruptError
	if !errors.As(err, &corrupt) || corrupt.Key != key || !strings.Contains(corrupt.Reason, reason) {
		t.Errorf("%s: %v, want an error that names %s and %q", what, err, key, reason)
	}
}

// Bytes that this version did not write are named, left as they are, and harm nobody else.
func TestForeignRecordsAreLeftAlone(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for _, c := range strangers {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				b, ctx := setup(t, r, 1), t.Context()
				bad, good := b.create(t, "bad", holderA), b.create(t, "good", holderA)
				key := b.keys.Session(bad.ID)
				b.plant(t, key, c.plant)
				before := b.dump(t, key)
				_, err := b.Get(ctx, bad.ID, session.Linearizable)
				names(t, "linearizable read", err, key, c.names)
				_, err = b.Get(ctx, bad.ID, session.Eventual)
				names(t, "eventual read", err, key, c.names)
				_, err = b.Update(ctx, bad.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{})
				names(t, "update", err, key, c.names)
				_, err = b.Delete(ctx, bad.ID, b.NewOp(), session.Condition{}, nil)
				names(t, "delete", err, key, c.names)
				taken := b.TakeOver(ctx, Takeover{ID: bad.ID, From: holderA, Epoch: 1, To: holderB}, Takeover{ID: good.ID, From: holderA, Epoch: 1, To: holderB})
				names(t, "takeover", taken[0].Err, key, c.names)
				if taken[1].Err != nil || taken[1].Session.Holder != holderB {
					t.Errorf("takeover of the other session: %+v", taken[1])
				}
				page, err := b.List(ctx, session.Listing{Limit: 10})
				if err != nil || len(page.Sessions) != 1 || page.Sessions[0].ID != good.ID {
					t.Errorf("list: %+v, %v", page, err)
				}
				b.auditAll(t)
				if b.dump(t, key) != before {
					t.Error("the foreign record was changed")
				}
			})
		}
	})
}

// What no hash can be is counted by the sync round, which goes on to the others.
func TestAuditCountsForeignRecords(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		b := setup(t, r, 1)
		bad, good := b.create(t, "bad", holderA), damaged{bundle: b, made: b.create(t, "good", holderA)}
		b.plant(t, b.keys.Session(bad.ID), strangers[0].plant)
		good.do(t, "ZREM", b.keys.Owned(0, holderA.Node), string(good.made.ID))
		if got := b.auditAll(t); got.Unreadable != 1 || got.IndexRepaired != 1 || got.Records != 1 {
			t.Fatalf("reported %+v", got)
		}
	})
}

// A foreign copy is named as well.
func TestForeignCopyIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, redistest.Shared(t), 1)
	bad := b.create(t, "bad", holderA)
	key := b.keys.Copy(bad.ID, b.chainFor(0)[0])
	b.plant(t, key, []any{"SET", "x"})
	_, err := b.Get(t.Context(), bad.ID, session.Linearizable)
	names(t, "read", err, key, "")
	_, err = b.Update(t.Context(), bad.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{})
	names(t, "update", err, key, "")
	if got := b.take(t, bad.ID, home); got.stamp() != bad.Stamp.String() {
		t.Fatalf("home went on to %s", got.stamp())
	}
}

// A key of another type among home's entries is named by whoever would write to it, nothing is half done, and other partitions
// and lists go on.
func TestForeignEntriesAreNamed(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		for name, key := range map[string]func(bundle) string{
			"index":      func(b bundle) string { return b.keys.Index(0) },
			"expiry":     func(b bundle) string { return b.keys.Expiry(0) },
			"tombstones": func(b bundle) string { return b.keys.Tombstones(0) },
			"owners":     func(b bundle) string { return b.keys.Owners(0) },
			"owned":      func(b bundle) string { return b.keys.Owned(0, holderA.Node) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b, ctx := setup(t, r, 2), t.Context()
				made := b.createIn(t, 0)
				foreignKey := key(b)
				b.plant(t, foreignKey, []any{"SET", "x"})
				_, err := b.Update(ctx, made.ID, b.NewOp(), session.Patch{Status: &idle}, session.Condition{})
				names(t, "update", err, foreignKey, "")
				if got := b.stampAt(t, b.keys.Session(made.ID)); got != made.Stamp.String() {
					t.Errorf("home went on to %s", got)
				}
				births := []Birth{b.birth(0), b.birth(1)}
				res := b.Create(ctx, births...)
				names(t, "create", res[0].Err, foreignKey, "")
				if res[1].Err != nil {
					t.Errorf("create in another partition: %v", res[1].Err)
				}
				page, err := b.List(ctx, session.Listing{Limit: 10})
				if err != nil || len(page.Sessions) < 1 {
					t.Errorf("list: %+v, %v", page, err)
				}
				for p := range 2 {
					if _, err := b.Audit(ctx, p, nil, func(session.Session) {}); err != nil {
						t.Errorf("audit of partition %d: %v", p, err)
					}
				}
				if v, err := b.client.Redis().Get(ctx, foreignKey).Result(); err != nil || v != "x" {
					t.Errorf("the foreign key holds %q %v", v, err)
				}
				if name == "owned" {
					_, err := b.Count(ctx, holderA.Node)
					names(t, "count", err, foreignKey, "")
				}
			})
		}
	})
}

func (b bundle) birth(partition int) Birth {
	id := b.NewID().InPartition(partition, b.Partitions())
	return Birth{ID: id, Draft: draft("n"), Owner: holderA, Chain: b.ChainFor(id)}
}

func (b bundle) createIn(t *testing.T, partition int) session.Session {
	t.Helper()
	res := b.Create(t.Context(), b.birth(partition))[0]
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return res.Session
}

// stampAt reads a record's stamp alone.
func (b bundle) stampAt(t *testing.T, key string) string {
	t.Helper()
	f, err := b.client.Redis().HGetAll(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return still{record: f}.stamp()
}
