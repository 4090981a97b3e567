package lease

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed renew.lua
var renewSource string

var renewScript = redisx.NewScript("renew", renewSource)

// renewLimit bounds the sessions of one script call.
const renewLimit = 500

// Renewal names a lease that a holder believes to have.
type Renewal struct {
	ID    session.ID
	Epoch uint64 // 0: whichever the home record has; the outcome tells it
}

// Outcome says what became of one renewal.
type Outcome struct {
	Renewal
	Renewed      bool
	TrustedUntil time.Time      // of a renewed lease: when to stop trusting it, on this process's monotonic clock
	Owner        session.Holder // of a lost one: who owns the session now; zero: nobody, the session is gone
	OwnerEpoch   uint64         // of a lost one
}

// Renew renews leases of one partition in bulk. A lease is renewed exactly if the session's home record names this holder and
// this epoch; otherwise it is lost. Sessions without an outcome, in Redis calls that failed, are neither: the error, a
// *session.UnavailableError, is about them alone. Records that cannot be read are a *session.CorruptError, likewise.
func (m *Manager) Renew(ctx context.Context, partition int, h session.Holder, ids []Renewal) ([]Outcome, error) {
	if err := m.inPartition(partition, ids); err != nil {
		return nil, err
	}
	batches := slices.Collect(slices.Chunk(ids, renewLimit))
	calls := make([]*redisx.Call, len(batches))
	for i, batch := range batches {
		calls[i] = m.renewal(h, batch)
	}
	sent := time.Now()
	m.redis.RunAll(ctx, calls...)
	out, errs := make([]Outcome, 0, len(ids)), []error(nil)
	for i, call := range calls {
		some, err := m.outcomes(call, batches[i], m.trustedUntil(sent))
		out, errs = append(out, some...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

func (m *Manager) inPartition(partition int, ids []Renewal) error {
	for _, r := range ids {
		if p := m.keys.Partition(r.ID); p != partition {
			return session.Invalid("partition", fmt.Sprintf("is %d, but session %s lies in %d", partition, r.ID, p))
		}
	}
	return nil
}

func (m *Manager) renewal(h session.Holder, batch []Renewal) *redisx.Call {
	call := &redisx.Call{Script: renewScript, Args: []any{string(h.Node), h.Incarnation, m.cfg.TTL.Milliseconds()}}
	for _, r := range batch {
		call.Keys = append(call.Keys, m.keys.Session(r.ID), m.keys.Lease(r.ID))
		call.Args = append(call.Args, strconv.FormatUint(r.Epoch, 10))
	}
	return call
}

func (m *Manager) outcomes(call *redisx.Call, batch []Renewal, trusted time.Time) ([]Outcome, error) {
	if call.Err != nil {
		return nil, call.Err
	}
	reply, _ := call.Reply.([]any)
	if len(reply) != len(batch) {
		return nil, redisx.Unavailable(fmt.Sprintf("script %s answered %v", call.Script.Name(), call.Reply), nil)
	}
	out, errs := make([]Outcome, 0, len(batch)), []error(nil)
	for i, r := range batch {
		text, _ := reply[i].(string)
		o, err := m.outcome(r, text, trusted)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, o)
	}
	return out, errors.Join(errs...)
}

func (m *Manager) outcome(r Renewal, text string, trusted time.Time) (Outcome, error) {
	if renewed, ok := strings.CutPrefix(text, "="); ok {
		epoch, err := strconv.ParseUint(renewed, 10, 53)
		if err != nil {
			return Outcome{}, &session.CorruptError{Key: m.keys.Session(r.ID), Reason: "field epoch: " + err.Error()}
		}
		return Outcome{Renewal: Renewal{r.ID, epoch}, Renewed: true, TrustedUntil: trusted}, nil
	}
	if trouble, ok := strings.CutPrefix(text, "!"); ok {
		return Outcome{}, &session.CorruptError{Key: m.keys.Session(r.ID), Reason: trouble}
	}
	if text == "-" {
		return Outcome{Renewal: r}, nil
	}
	owner, epoch, err := session.ParseLease(text)
	if err != nil {
		return Outcome{}, &session.CorruptError{Key: m.keys.Session(r.ID), Reason: "owner, incarnation, epoch: " + err.Error()}
	}
	return Outcome{Renewal: r, Owner: owner, OwnerEpoch: epoch}, nil
}
