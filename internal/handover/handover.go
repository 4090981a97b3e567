package handover

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

var (
	//go:embed ask.lua
	askSource string
	//go:embed next.lua
	nextSource string
	//go:embed wish.lua
	wishSource string

	askScript  = redisx.NewScript("ask", askSource)
	nextScript = redisx.NewScript("next", nextSource)
	wishScript = redisx.NewScript("wish", wishSource)
)

const (
	// Patience is for how long a request is looked at after it was left.
	Patience = 15 * time.Second
	// WishKept is for how long the wish to even out the load stands.
	WishKept = time.Minute
)

// Request asks the holder of a session to hand it over to where room was reserved for it.
type Request struct {
	Session session.ID
	From    session.Holder // who holds it
	Epoch   uint64         // under which From holds it
	Key     string         // of the reservation
	To      session.Holder
	Until   time.Time // when the reservation ends, by Redis's clock
}

// Requests is the fleet's requests in Redis. It keeps no state and is safe for concurrent use.
type Requests struct {
	redis *redisx.Client
	keys  *keyspace.Keys
	log   *slog.Logger
}

// New returns the requests under a fleet's keys; a nil log logs nothing.
func New(c *redisx.Client, k *keyspace.Keys, log *slog.Logger) *Requests {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Requests{c, k, log}
}

// Ask leaves a request for the node that holds the session. Where that holder is registered no more it leaves nothing: a holder that is
// gone hands nothing over, and its sessions have moved or are about to be taken over. It returns a *session.UnavailableError where Redis
// does not answer.
func (q *Requests) Ask(ctx context.Context, r Request) error {
	keys := []string{q.keys.Handover(r.From.Node), q.keys.Node(r.From.Node)}
	_, err := q.redis.Run(ctx, askScript, keys, r.From.Incarnation, Patience.Milliseconds(), r.text())
	return err
}

// Next takes the requests off a node's list that were dealt with, and returns up to limit of those that were not, the oldest first. What
// is no request is taken off and logged. It returns a *session.UnavailableError where Redis does not answer.
func (q *Requests) Next(ctx context.Context, node session.NodeID, limit int, dealtWith ...Request) ([]Request, error) {
	done := make([]string, len(dealtWith))
	for i, r := range dealtWith {
		done[i] = r.text()
	}
	listed, err := q.next(ctx, node, limit, done)
	if err != nil {
		return nil, err
	}
	requests, strange := make([]Request, 0, len(listed)), []string(nil)
	for _, text := range listed {
		r, ok := parse(text)
		if !ok {
			q.log.Warn("took what is no request off a list", "key", q.keys.Handover(node), "member", text)
			strange = append(strange, text)
			continue
		}
		requests = append(requests, r)
	}
	if len(strange) > 0 {
		_, err = q.next(ctx, node, 0, strange)
	}
	return requests, err
}

func (q *Requests) next(ctx context.Context, node session.NodeID, limit int, done []string) ([]string, error) {
	args := []any{Patience.Milliseconds(), limit}
	for _, text := range done {
		args = append(args, text)
	}
	reply, err := q.redis.Run(ctx, nextScript, []string{q.keys.Handover(node)}, args...)
	if err != nil {
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, redisx.Unavailable(fmt.Sprintf("script %s answered %q", nextScript.Name(), fmt.Sprint(reply)), nil)
	}
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = fmt.Sprint(v)
	}
	return texts, nil
}

// Wish leaves the wish that the load be evened out now, whoever sees it. It stands for WishKept.
func (q *Requests) Wish(ctx context.Context, by session.NodeID) error {
	_, err := q.redis.Run(ctx, wishScript, []string{q.keys.Rebalance()}, string(by), WishKept.Milliseconds())
	return err
}

// Wished reports whether that wish stands.
func (q *Requests) Wished(ctx context.Context) (bool, error) {
	var cmd *redis.IntCmd
	if err := q.redis.Read(ctx, func(p redis.Pipeliner) { cmd = p.Exists(ctx, q.keys.Rebalance()) }); err != nil {
		return false, err
	}
	return cmd.Val() == 1, nil
}

// text is the request as it stands in the list: session|node|incarnation|epoch|reservation|node|incarnation|until ms.
func (r Request) text() string {
	return strings.Join([]string{string(r.Session), string(r.From.Node), r.From.Incarnation, strconv.FormatUint(r.Epoch, 10), r.Key,
		string(r.To.Node), r.To.Incarnation, strconv.FormatInt(r.Until.UnixMilli(), 10)}, "|")
}

func parse(text string) (Request, bool) {
	part := strings.Split(text, "|")
	if len(part) != 8 {
		return Request{}, false
	}
	id, err := session.ParseID(part[0])
	epoch, err2 := strconv.ParseUint(part[3], 10, 64)
	until, err3 := strconv.ParseInt(part[7], 10, 64)
	return Request{
		Session: id, From: session.Holder{Node: session.NodeID(part[1]), Incarnation: part[2]}, Epoch: epoch, Key: part[4],
		To: session.Holder{Node: session.NodeID(part[5]), Incarnation: part[6]}, Until: time.UnixMilli(until).UTC(),
	}, err == nil && err2 == nil && err3 == nil && part[4] != "" && part[5] != ""
}
