package client

import (
	"context"
	"net/http"
	"slices"
)

// ack is one session that was let go of. settled is closed when the node knows, or need not any more.
type ack struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`

	settled chan struct{}
}

// ack has it sent that a session was let go of.
func (t *term) ack(a ack) {
	if t.f.term != t {
		close(a.settled)
		return
	}
	t.acks = append(t.acks, a)
	select {
	case t.ready <- struct{}{}:
	default:
	}
}

// forget takes back what is still to be said of a session that was assigned anew: the node knows.
func (t *term) forget(id string) {
	t.acks = slices.DeleteFunc(t.acks, func(a ack) bool {
		if a.ID == id {
			close(a.settled)
		}
		return a.ID == id
	})
}

// maxReleased is how many sessions one acknowledgement may name.
const maxReleased = 1000

// sendAcks tells the node what was let go of, together what comes at once, until ctx ends.
func (t *term) sendAcks(ctx context.Context) {
	for ctx.Err() == nil {
		batch, watcher := t.unsent()
		if len(batch) == 0 {
			select {
			case <-t.ready:
			case <-ctx.Done():
			}
			continue
		}
		if err := t.sendAck(ctx, watcher, batch); err != nil {
			t.f.c.cfg.Log.WarnContext(ctx, "an acknowledgement could not be sent", "node", t.id, "sessions", len(batch), "error", err)
			_ = sleep(ctx, firstRest)
			continue
		}
		t.sent(batch)
	}
}

func (t *term) unsent() (batch []ack, watcher string) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	return slices.Clone(t.acks[:min(maxReleased, len(t.acks))]), t.watcher
}

// sendAck makes one attempt: what was assigned anew before the next must not be acknowledged again.
func (t *term) sendAck(ctx context.Context, watcher string, batch []ack) error {
	path, err := nodePath(t.id, "/assignments/ack")
	if err != nil {
		return err
	}
	r, err := jsonRequest(http.MethodPost, path, map[string]any{"watcher": watcher, "released": batch})
	if err != nil {
		return err
	}
	if _, e := t.f.c.once(ctx, r, t.base, newKey()); e != nil && e.Code != "watcher-not-found" { // its stream has ended: nothing is asked for
		return e
	}
	return nil
}

// sent settles what the node knows now.
func (t *term) sent(batch []ack) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	t.acks = slices.DeleteFunc(t.acks, func(a ack) bool {
		known := slices.ContainsFunc(batch, func(b ack) bool { return a.settled == b.settled })
		if known {
			close(a.settled)
		}
		return known
	})
}
