package events

import (
	"context"
	"errors"
	"io"
	"slices"

	"orchestrator/internal/session"
)

const (
	maxQueued = 20_000 // events that wait for one follower; one that has more is too slow
	catchUp   = 500    // events of a page that a follower reads until it has caught up
)

// batch is what one look found, and where it came to. All followers share it, and nobody changes it.
type batch struct {
	at    positions
	found []happening
}

// Follower is one stream.
type Follower struct {
	feed   *Feed
	filter session.EventFilter
	wake   chan struct{}

	at     positions // where it was told up to; belongs to Next
	target positions // where the looks stood when it began to listen; nil: it has not
	live   bool      // it has caught up with them
	next   []session.Event
	stood  string // where it was before next
	over   bool

	// Under the feed's lock.
	listens bool // to what the looks find
	queue   []*batch
	queued  int
	reason  string // why it ends
}

// Follow opens a stream from where a cursor stands; without one, or with Latest, from now. It fails as Page does, with session.ErrDraining
// after End, and with a *session.LimitError where there are as many as there may be. Every follower ends in Close.
func (f *Feed) Follow(ctx context.Context, cursor string, filter session.EventFilter) (*Follower, error) {
	w := &Follower{feed: f, filter: filter, wake: make(chan struct{}, 1)}
	if cursor == "" || cursor == Latest {
		if err := f.join(w); err != nil {
			return nil, err
		}
		f.listen(w)
		if err := w.begun(ctx); err != nil {
			w.Close()
			return nil, f.explain(ctx, err)
		}
		w.at, w.live = w.target.clone(), true
		return w, nil
	}
	at, err := f.open(ctx, cursor)
	if err != nil {
		return nil, err
	}
	if err := f.join(w); err != nil {
		return nil, err
	}
	w.at, w.stood = at, cursor
	if w.next, err = w.catch(ctx); err != nil {
		w.Close()
		return nil, f.explain(ctx, err)
	}
	return w, nil
}

// join counts a follower among those whom the looks are made for.
func (f *Feed) join(w *Follower) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch n := len(f.followers); {
	case f.ended:
		return session.ErrDraining
	case n >= f.cfg.MaxFollowers:
		return &session.LimitError{Thing: "streams of events on this node", Used: n, Limit: f.cfg.MaxFollowers, Advice: "end one, or follow through another node"}
	}
	f.followers[w] = true
	f.stir()
	return nil
}

// listen has a follower told where the looks stand and what they find from now on.
func (f *Feed) listen(w *Follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.listens = true
	if f.at != nil && w.reason == "" {
		w.push(&batch{at: f.at})
	}
}

// Close ends the stream from the follower's side.
func (w *Follower) Close() {
	w.feed.mu.Lock()
	defer w.feed.mu.Unlock()
	delete(w.feed.followers, w)
	w.finish("closed")
}

// Cursor is where the follower stands: behind all that Next has returned.
func (w *Follower) Cursor() string {
	if len(w.next) > 0 {
		return w.stood
	}
	return w.at.encode(w.feed.keys.Prefix())
}

// Next waits for events, and returns io.EOF after a batch with an end. It returns ctx's error when ctx ends; it may be called again then. One
// goroutine at a time may call it.
func (w *Follower) Next(ctx context.Context) (session.EventBatch, error) {
	for {
		switch {
		case w.over:
			return session.EventBatch{}, io.EOF
		case len(w.next) > 0:
			return w.batch(), nil
		case !w.live:
			if err := w.approach(ctx); err != nil {
				return w.failed(ctx, err)
			}
			continue
		}
		b, reason := w.take()
		switch {
		case b != nil:
			w.pass(b)
			continue
		case reason != "":
			w.over = true
			return session.EventBatch{Cursor: w.Cursor(), End: reason}, nil
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return session.EventBatch{}, ctx.Err()
		}
	}
}

func (w *Follower) batch() session.EventBatch {
	b := session.EventBatch{Events: w.next}
	w.next = nil
	b.Cursor = w.Cursor()
	return b
}

// failed says what a failure to catch up means: the end where events are missing, and where the stream was ended meanwhile.
func (w *Follower) failed(ctx context.Context, err error) (session.EventBatch, error) {
	if ctx.Err() != nil {
		return session.EventBatch{}, ctx.Err()
	}
	_, reason := w.take()
	switch {
	case errors.Is(err, errGone):
		reason = "cursor-gone"
	case reason == "":
		reason = "store-unavailable"
	}
	w.over = true
	return session.EventBatch{Cursor: w.Cursor(), End: reason}, nil
}

// approach reads the next events from Redis. Once there are no more for now the follower listens to the looks, and reads what is between them
// and it. It listens no earlier: while it reads what is old, what is new would pile up.
func (w *Follower) approach(ctx context.Context) (err error) {
	if w.listens && w.target == nil {
		if err := w.begun(ctx); err != nil {
			return err
		}
	}
	w.next, err = w.catch(ctx)
	return err
}

// catch reads a page, and notes when nothing is between the follower and the looks any more.
func (w *Follower) catch(ctx context.Context) ([]session.Event, error) {
	events, more, err := w.feed.advance(ctx, w.at, w.filter, catchUp)
	switch {
	case err != nil || more:
		return events, err
	case w.target == nil:
		w.feed.listen(w)
		return events, nil
	}
	for _, s := range w.feed.concerned(w.filter) {
		if w.at[s].compare(w.target[s]) < 0 { // it was read after they had begun
			if len(events) > 0 {
				return events, nil // they are told first
			}
			return nil, errGone // all was read, and what the looks had seen is not there
		}
	}
	w.live = true
	return events, nil
}

// begun waits until the looks have begun, and notes where they stand.
func (w *Follower) begun(ctx context.Context) error {
	for {
		b, reason := w.take()
		switch {
		case b != nil:
			w.target = b.at
			return nil
		case reason == "cursor-gone":
			return errGone
		case reason != "":
			return session.ErrDraining
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pass takes what a look found: what the follower has not read itself, and the filter selects.
func (w *Follower) pass(b *batch) {
	for _, h := range b.found {
		if !h.void && h.at.compare(w.at[h.stream]) > 0 && w.filter.Selects(h.event) {
			w.next = append(w.next, h.event)
		}
	}
	for s, p := range b.at {
		if p.compare(w.at[s]) > 0 {
			w.at[s] = p
		}
	}
}

// take returns what waits for the follower, or why nothing comes any more. What waits comes first.
func (w *Follower) take() (b *batch, reason string) {
	w.feed.mu.Lock()
	defer w.feed.mu.Unlock()
	if len(w.queue) > 0 {
		b = w.queue[0]
		w.queue = slices.Delete(w.queue, 0, 1)
		w.queued -= len(b.found)
		return b, ""
	}
	return nil, w.reason
}

// push is for those who hold the feed's lock. A follower that is too slow is ended; it can go on from its cursor.
func (w *Follower) push(b *batch) {
	w.queue = append(w.queue, b)
	if w.queued += len(b.found); w.queued > maxQueued {
		delete(w.feed.followers, w)
		w.finish("too-slow")
	}
	w.stir()
}

// finish is for those who hold the feed's lock. What waited is not told any more.
func (w *Follower) finish(reason string) {
	if w.reason == "" {
		w.reason = reason
	}
	w.queue = nil
	w.stir()
}

func (w *Follower) stir() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
