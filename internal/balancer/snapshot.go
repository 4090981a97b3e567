package balancer

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed snapshot.lua
var snapshotSource string

var snapshotScript = redisx.NewScript("snapshot", snapshotSource)

// snapshotLimit bounds the attempts that one snapshot shows.
const snapshotLimit = 1000

// Slack is how long after its deadline an attempt counts as expired. The change of the session's record is refused after the
// deadline by the clock of another Redis server, which may be behind.
const Slack = 5 * time.Second

// Snapshot is one node's account at one moment.
type Snapshot struct {
	Load         int           // live count
	Moves        int64         // for Correct
	At           time.Time     // the moment, by Redis's clock
	Attempts     int           // under way
	Reservations []Reservation // those of them with the earliest deadlines, up to 1,000
}

// Reservation is one attempt under way.
type Reservation struct {
	Session  session.ID
	Key      string
	Node     session.Holder // without incarnation where the session is leaving
	Deadline time.Time      // by Redis's clock
	Leaving  bool           // else arriving
	Expired  bool           // past its deadline and Slack: to be settled by what the session's record says
}

// Snapshot returns a node's account. It returns a *session.UnavailableError where Redis does not answer.
func (b *Balancer) Snapshot(ctx context.Context, node session.NodeID) (Snapshot, error) {
	keys := []string{b.keys.Load(), b.keys.Reservations(), b.keys.Moves(), b.keys.Reserved(node)}
	reply, err := b.redis.Run(ctx, snapshotScript, keys, string(node), snapshotLimit)
	if err != nil {
		return Snapshot{}, err
	}
	list, _ := reply.([]any)
	if len(list) != 5 {
		return Snapshot{}, unexpected(snapshotScript, reply)
	}
	n := make([]int64, 4)
	for i := range n {
		n[i], _ = list[i].(int64)
	}
	s := Snapshot{Load: int(n[0]), Moves: n[1], Attempts: int(n[2]), At: time.UnixMilli(n[3]).UTC()}
	attempts := texts(list[4])
	for i := 0; i+2 < len(attempts); i += 3 {
		s.Reservations = append(s.Reservations, b.reservation(node, attempts[i:i+3], s.At))
	}
	return s, nil
}

// reservation reads key, deadline and record. An attempt without a record (Redis was rolled back between the two) has no
// session; settling it by its key is all that is left to do.
func (b *Balancer) reservation(node session.NodeID, text []string, at time.Time) Reservation {
	ms, _ := strconv.ParseInt(text[1], 10, 64)
	r := Reservation{Key: text[0], Node: session.Holder{Node: node}, Deadline: time.UnixMilli(ms).UTC()}
	r.Expired = at.After(r.Deadline.Add(Slack))
	if part := strings.Split(text[2], "|"); len(part) == 5 {
		r.Session, r.Leaving, r.Node.Incarnation = session.ID(part[1]), part[2] == "l", part[3]
	}
	return r
}

// Counts returns the live count of every node of which anything is kept: 0 for one that left nothing but its moves, or attempts
// under way. It returns a *session.UnavailableError where Redis does not answer.
func (b *Balancer) Counts(ctx context.Context) (map[session.NodeID]int, error) {
	var load *redis.ZSliceCmd
	var moves *redis.StringSliceCmd
	err := b.redis.Read(ctx, func(p redis.Pipeliner) {
		load = p.ZRangeWithScores(ctx, b.keys.Load(), 0, -1)
		moves = p.HKeys(ctx, b.keys.Moves())
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(load.Err(), moves.Err()); err != nil {
		return nil, &session.CorruptError{Key: b.keys.Load() + " or " + b.keys.Moves(), Reason: err.Error()}
	}
	counts := map[session.NodeID]int{}
	for _, node := range moves.Val() {
		counts[session.NodeID(node)] = 0
	}
	for _, z := range load.Val() {
		counts[session.NodeID(z.Member.(string))] = int(z.Score)
	}
	return counts, nil
}
