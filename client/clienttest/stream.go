package clienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// stream is an answer of server-sent events.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func openStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	s := &stream{w, http.NewResponseController(w)}
	_ = s.c.Flush()
	return s
}

// send writes one event; id may be empty. An error means that nobody is there.
func (s *stream) send(name, id string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\n%sdata: %s\n\n", name, id, raw); err != nil {
		return err
	}
	return s.c.Flush()
}

// item is one event of a stream.
type item struct {
	name, id string
	data     any
}

// flow sends what next returns, until last or the caller is gone. next is called with the fleet locked, again after every change and
// after every tick, if there is one. The fleet is locked before and after, not in between.
func (n *node) flow(w http.ResponseWriter, r *http.Request, tick time.Duration, next func() (items []item, last bool)) {
	f := n.fleet
	var ticks <-chan time.Time
	if tick > 0 {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		ticks = ticker.C
	}
	f.mu.Unlock()
	defer f.mu.Lock()
	s := openStream(w)
	for {
		f.mu.Lock()
		items, last := next()
		if n.stopped != nil && !last {
			items, last = append(items, item{name: "end", data: map[string]string{"reason": "draining"}}), true
		}
		changed := f.changed
		f.mu.Unlock()
		for _, it := range items {
			if s.send(it.name, it.id, it.data) != nil {
				return
			}
		}
		if last {
			return
		}
		select {
		case <-changed:
		case <-ticks:
		case <-r.Context().Done():
			return
		}
	}
}
