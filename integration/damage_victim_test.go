package integration

import (
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	nouns "orchestrator/internal/session"
)

// victim is one session, and the keys that are about it.
type victim struct {
	*ward
	damage
	t            *testing.T
	id, url      string
	partition    int
	owner, other nouns.NodeID
	home         string // its record's key
	copy, copies string // its copy's key, and the list of its copy's tag; empty: it has none
	ghosts       []string
	expires      bool
	adopted      bool // it must have got another owner
}

// admit makes a session for harm to be done to.
func (w *ward) admit(t *testing.T, d damage) *victim {
	t.Helper()
	s := read[session](t, call(t, "POST", w.f.url(0)+"/v1/sessions", draft("victim")).want(t, 201))
	id := nouns.ID(s.ID)
	v := &victim{ward: w, damage: d, t: t, id: s.ID, url: w.f.url(1) + "/v1/sessions/" + s.ID, partition: w.keys.Partition(id),
		owner: nouns.NodeID(s.Owner), home: w.keys.Session(id)}
	v.other = map[nouns.NodeID]nouns.NodeID{"node-1": "node-2", "node-2": "node-1"}[v.owner]
	if s.Copies > 0 {
		tag, err := strconv.Atoi(v.image(v.home)["chain"])
		if err != nil {
			t.Fatal(err)
		}
		v.copy, v.copies = w.keys.Copy(id, tag), w.keys.Copies(v.partition, tag)
	}
	return v
}

func (v *victim) do(args ...any) {
	v.t.Helper()
	for i, arg := range args {
		if node, ok := arg.(nouns.NodeID); ok {
			args[i] = string(node)
		}
	}
	if err := v.client.Do(v.t.Context(), args...).Err(); err != nil {
		v.t.Fatalf("%v: %v", args, err)
	}
}

// image is what a record holds.
func (v *victim) image(key string) map[string]string {
	v.t.Helper()
	f, err := v.client.HGetAll(v.t.Context(), key).Result()
	if err != nil {
		v.t.Fatal(err)
	}
	return f
}

// back makes a record hold an earlier image.
func (v *victim) back(key string, old map[string]string) {
	v.t.Helper()
	_, err := v.client.TxPipelined(v.t.Context(), func(p redis.Pipeliner) error {
		p.Del(v.t.Context(), key)
		p.HSet(v.t.Context(), key, old)
		return nil
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) patch(status string) {
	v.t.Helper()
	call(v.t, "PATCH", v.url, map[string]string{"status": status}).want(v.t, 200)
}

func (v *victim) ownedBy(node nouns.NodeID) string { return v.keys.Owned(v.partition, node) }

// nobody is the id of a session that is not, in this one's partition.
func (v *victim) nobody() string {
	v.ghosts = append(v.ghosts, string(nouns.NewID(time.Now()).InPartition(v.partition, wardPartitions)))
	return v.ghosts[len(v.ghosts)-1]
}

// wrong says what is still wrong about the session; empty: nothing.
func (v *victim) wrong() string {
	ctx := v.t.Context()
	a := call(v.t, "GET", v.url, nil)
	_, listed := listAll(v.t, v.f.url(0), "")[v.id]
	if v.gone {
		if a.status != 404 || listed {
			return fmt.Sprintf("it was deleted, answers %d, listed: %t", a.status, listed)
		}
		return ""
	}
	if a.status != 200 || !listed {
		return fmt.Sprintf("it answers %d, listed: %t", a.status, listed)
	}
	at := v.image(v.home)
	if v.adopted && (at["epoch"] != "2" || at["owner"] != "node-1" && at["owner"] != "node-2") {
		return fmt.Sprintf("%s owns it in epoch %s", at["owner"], at["epoch"])
	}
	if v.copy != "" {
		other := v.image(v.copy)
		delete(other, "writtenAt")
		if delete(at, "writtenAt"); !maps.Equal(at, other) {
			return fmt.Sprintf("home holds %v, its copy %v", at, other)
		}
	}
	for key, want := range map[string]bool{
		v.keys.Index(v.partition): true, v.keys.Expiry(v.partition): v.expires,
		v.ownedBy("node-1"): at["owner"] == "node-1", v.ownedBy("node-2"): at["owner"] == "node-2",
	} {
		if in := v.client.ZScore(ctx, key, v.id).Err() == nil; in != want {
			return fmt.Sprintf("in %s: %t", key, in)
		}
	}
	for _, ghost := range v.ghosts {
		for _, key := range []string{v.keys.Index(v.partition), v.keys.Expiry(v.partition), v.ownedBy(v.owner), v.copies} {
			if key != "" && v.client.ZScore(ctx, key, ghost).Err() == nil {
				return key + " still names a session that is not"
			}
		}
	}
	return ""
}
