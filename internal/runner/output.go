package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// What is published at once.
const (
	batchMessages = 100
	batchBytes    = 512 << 10
	linger        = 20 * time.Millisecond // for more to come
	queued        = 2 * batchMessages     // lines that wait; then the command does
)

// collect returns first and what comes soon after it, and what did not fit.
func collect(first Message, lines <-chan Message) (batch []Message, next *Message) {
	batch, bytes := []Message{first}, size(first.Text)
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for len(batch) < batchMessages {
		select {
		case m, ok := <-lines:
			if !ok {
				return batch, nil
			}
			if bytes += size(m.Text); bytes > batchBytes {
				return batch, &m
			}
			batch = append(batch, m)
		case <-timer.C:
			return batch, nil
		}
	}
	return batch, nil
}

// publish publishes the lines until there are no more; it returns how many it could not. It always reads to the end, so that nobody waits
// for it who writes.
func (g *grant) publish(lines <-chan Message) (dropped int) {
	var next *Message
	for {
		if next == nil {
			m, ok := <-lines
			if !ok {
				return dropped
			}
			next = &m
		}
		var batch []Message
		batch, next = collect(*next, lines)
		key := rand.Text()
		err := g.insist("publish", func(ctx context.Context) error {
			return g.sessions.Publish(ctx, g.session.ID, g.epoch, key, batch)
		})
		if err != nil {
			dropped += len(batch)
		}
	}
}

// insist calls until it succeeds or is refused, or the session must be let go. One that is lost is let go at once.
func (g *grant) insist(what string, call func(context.Context) error) error {
	pause := backoff{first: 50 * time.Millisecond, most: 2 * time.Second}
	for {
		err := g.once(call)
		switch {
		case err == nil:
			return nil
		case g.life.Err() != nil:
			return err
		case errors.Is(err, ErrLost):
			g.log.Warn("the session is lost", "at", what, "error", err)
			g.lose(err)
			return err
		case errors.Is(err, ErrRefused):
			g.log.Error("refused", "at", what, "error", err)
			return err
		}
		if pause.last == 0 {
			g.log.Warn("it is tried again until it succeeds", "at", what, "error", err)
		}
		if !wait(g.life, pause.next()) {
			return err
		}
	}
}

// once calls with a limit for one answer.
func (g *grant) once(call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(g.life, callTime)
	defer cancel()
	return call(ctx)
}
