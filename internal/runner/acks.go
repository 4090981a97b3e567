package runner

import (
	"context"
	"errors"
	"time"
)

// maxReleased is how many sessions one acknowledgement may name.
const maxReleased = 1000

// ack is one that waits to be told to the node; done is closed when it was, or when nobody is there to tell.
type ack struct {
	Released
	done chan struct{}
}

// acknowledge tells the node that a session was let go, and returns when it knows, or the stream is over.
func (s *stream) acknowledge(r Released) {
	a := ack{r, make(chan struct{})}
	select {
	case s.acks <- a:
	case <-s.holding.Done():
		return
	}
	select {
	case <-a.done:
	case <-s.holding.Done():
	}
}

// acknowledges tells what waits, together.
func (s *stream) acknowledges() {
	for {
		var batch []ack
		select {
		case a := <-s.acks:
			batch = s.gather(a)
		case <-s.holding.Done():
			return
		}
		s.tell(batch)
		for _, a := range batch {
			close(a.done)
		}
	}
}

func (s *stream) gather(first ack) []ack {
	batch := []ack{first}
	for len(batch) < maxReleased {
		select {
		case a := <-s.acks:
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

// tell tells again and again: who does not answer in time is cut off by the node, and that ends the stream.
func (s *stream) tell(batch []ack) {
	s.mu.Lock()
	watcher := s.watcher
	s.mu.Unlock()
	released := make([]Released, len(batch))
	for i, a := range batch {
		released[i] = a.Released
	}
	pause := backoff{first: 20 * time.Millisecond, most: 500 * time.Millisecond}
	for {
		ctx, cancel := context.WithTimeout(s.holding, callTime)
		err := s.node.Ack(ctx, s.nodeID, watcher, released)
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrLost), errors.Is(err, ErrRefused):
			s.cfg.Log.Warn("the node does not take an acknowledgement", "sessions", len(released), "error", err)
			return
		}
		if !wait(s.holding, pause.next()) {
			return
		}
	}
}
