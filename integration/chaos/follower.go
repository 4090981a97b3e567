package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// belief is a time in which a follower held a session for its own to run.
type belief struct {
	Follower string        `json:"follower"`
	Session  string        `json:"session"`
	Epoch    uint64        `json:"epoch"`
	From     time.Duration `json:"from"`
	To       time.Duration `json:"to"`
}

// follower stands for the process beside a node that runs what the node is assigned. It keeps the rules of the stream: it drops a
// session when told to, and then says so; and it drops all of them when the stream ends, or when what it was told last has run out.
type follower struct {
	name  string // of the node
	url   string
	since func() time.Duration
	http  *http.Client

	mu      sync.Mutex
	watcher string
	until   time.Duration
	holds   map[string]belief
	past    []belief
	events  map[string]int // by name
	ahead   time.Duration  // of its machine's wall clock: until is told by that
	stopped bool           // it neither reads nor acknowledges; time passes for it all the same
}

func newFollower(name, url string, since func() time.Duration) *follower {
	return &follower{name: name, url: url, since: since, http: &http.Client{Transport: &http.Transport{IdleConnTimeout: 5 * time.Second}},
		holds: map[string]belief{}, events: map[string]int{}}
}

// run follows the node until the context ends, whatever happens to the node.
func (f *follower) run(ctx context.Context) {
	defer f.http.CloseIdleConnections()
	expiry, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { f.expire(expiry) })
	for ctx.Err() == nil {
		f.follow(ctx)
		f.dropAll()
		wait(ctx, 50*time.Millisecond)
	}
	stop()
	watch.Wait()
}

// expire drops everything once it is no longer valid, though nothing is heard.
func (f *follower) expire(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		if f.since() >= f.until {
			f.drop()
		}
		f.mu.Unlock()
		wait(ctx, 5*time.Millisecond)
	}
}

func (f *follower) dropAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

// drop ends every belief: now, or when it ran out, should this thread have been late to notice.
func (f *follower) drop() {
	for id := range f.holds {
		f.end(id)
	}
}

func (f *follower) end(id string) {
	b := f.holds[id]
	b.To = max(b.From, min(f.since(), f.until))
	f.past = append(f.past, b)
	delete(f.holds, id)
}

// follow reads one stream to its end.
func (f *follower) follow(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.path(""), nil)
	if err != nil {
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := f.http.Do(req)
	if err != nil {
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return
	}
	lines := bufio.NewReader(res.Body)
	for {
		e, err := nextEvent(lines)
		f.await(ctx)
		if err != nil || e.name == "end" {
			return
		}
		if released := f.take(e.name, e.data); len(released) > 0 {
			f.acknowledge(ctx, released)
		}
	}
}

// stop has the follower do nothing, until it is told to go on.
func (f *follower) stop(stopped bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = stopped
}

// await waits while the follower is stopped.
func (f *follower) await(ctx context.Context) {
	for stopped := true; stopped && ctx.Err() == nil; {
		f.mu.Lock()
		stopped = f.stopped
		f.mu.Unlock()
		if stopped {
			wait(ctx, 5*time.Millisecond)
		}
	}
}

func (f *follower) path(rest string) string {
	return f.url + "/v1/nodes/" + f.name + "/assignments" + rest
}

// event is one of a stream (WHATWG HTML, section 9.2).
type event struct {
	id, name string
	data     []byte
}

func nextEvent(r *bufio.Reader) (e event, err error) {
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return e, err
		}
		line = bytes.TrimRight(line, "\r\n")
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && e.name != "":
			return e, nil
		case string(field) == "id":
			e.id = string(value)
		case string(field) == "event":
			e.name = string(value)
		case string(field) == "data":
			e.data = append(e.data, value...)
		}
	}
}

// assigned is a session under an epoch, as events and acknowledgements name it.
type assigned struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"`
}

// eventView is what the events of all names hold.
type eventView struct {
	assigned
	Watcher     string
	Until       time.Time
	Assignments []assigned
}

// take follows one event, and returns what was let go by it.
func (f *follower) take(name string, data []byte) (released []assigned) {
	var e eventView
	if json.Unmarshal(data, &e) != nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events[name]++
	if !e.Until.IsZero() {
		f.until = f.since() + time.Until(e.Until) - f.ahead
	}
	switch name {
	case "snapshot":
		f.watcher = e.Watcher
		f.drop()
		for _, a := range e.Assignments {
			f.hold(a)
		}
	case "assigned":
		f.hold(e.assigned)
	case "revoked":
		if f.holds[e.ID].Epoch == e.Epoch {
			f.end(e.ID)
		}
		return []assigned{e.assigned}
	}
	return nil
}

func (f *follower) hold(a assigned) {
	if f.since() >= f.until {
		return
	}
	if _, held := f.holds[a.ID]; held {
		f.end(a.ID)
	}
	f.holds[a.ID] = belief{Follower: f.name, Session: a.ID, Epoch: a.Epoch, From: f.since()}
}

// acknowledge says what was let go. Should it not arrive, the node waits for the end of what it said to be valid.
func (f *follower) acknowledge(ctx context.Context, released []assigned) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	f.mu.Lock()
	body := map[string]any{"watcher": f.watcher, "released": released}
	f.mu.Unlock()
	_, _ = send(ctx, f.http, http.MethodPost, f.path("/ack"), body, nil)
}

// beliefs returns what was believed, once the follower has ended.
func (f *follower) beliefs() []belief { return f.past }
