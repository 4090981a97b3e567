package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// listener follows the messages of one session through any node, and goes on through another after the last event that it got whenever a
// stream ends; once the session is gone, those of another one. What it is told is part of the history.
type listener struct {
	id      int
	rng     *rand.Rand
	names   []string // of the nodes
	urls    map[string]string
	pool    *pool
	history *History
	since   func() time.Duration
	http    *http.Client

	mu      sync.Mutex
	session string
	last    string // the id of the last event
	heard   string // the id of the last message
}

func newListener(id int, rng *rand.Rand, w *world) *listener {
	return &listener{id: id, rng: rng, names: w.names(), urls: w.urls(), pool: w.pool, history: w.history, since: w.since,
		http: &http.Client{Transport: &http.Transport{IdleConnTimeout: 5 * time.Second}}}
}

// run listens until the context ends.
func (l *listener) run(ctx context.Context) {
	defer l.http.CloseIdleConnections()
	for ctx.Err() == nil {
		if l.session == "" {
			l.turn(l.pool.pickTalker(l.rng))
		}
		if l.session != "" {
			l.follow(ctx, l.names[l.rng.IntN(len(l.names))])
		}
		wait(ctx, 50*time.Millisecond)
	}
}

// turn has it follow another session from the first message on; "" is none.
func (l *listener) turn(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session, l.last, l.heard = session, "", ""
}

// follow reads one stream to its end.
func (l *listener) follow(ctx context.Context, node string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.urls[node]+"/v1/sessions/"+l.session+"/messages", nil)
	if err != nil {
		return
	}
	req.Header.Set("Accept", "text/event-stream")
	if l.last != "" {
		req.Header.Set("Last-Event-ID", l.last)
	}
	res, err := l.http.Do(req)
	if err != nil {
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		var p problemView
		_ = json.NewDecoder(res.Body).Decode(&p)
		l.ended(node, res.StatusCode, p.Code)
		return
	}
	lines := bufio.NewReader(res.Body)
	for {
		e, err := nextEvent(lines)
		if err != nil {
			return
		}
		if e.name == "end" {
			var v struct{ Reason string }
			_ = json.Unmarshal(e.data, &v)
			l.ended(node, 0, v.Reason)
			return
		}
		l.take(node, e)
	}
}

// ended notes that a node says there is nothing to be heard. What only says that this node cannot tell any more is no news.
func (l *listener) ended(node string, status int, reason string) {
	if status >= 500 || reason == "draining" {
		return
	}
	if reason == "deleted" {
		reason = codeAbsent
	}
	o := l.told(node, No)
	o.Status, o.Code = status, reason
	l.history.Add(o)
	l.turn("")
}

// told is what a node tells just now.
func (l *listener) told(node string, outcome Outcome) Op {
	now := l.since()
	return Op{Client: l.id, Kind: Follow, Session: l.session, Node: node, After: l.heard, Call: now, Return: now, Outcome: outcome}
}

// take notes a message. Any event says where to go on.
func (l *listener) take(node string, e event) {
	o := l.told(node, OK)
	var v messageView
	if e.name == "message" {
		if err := json.Unmarshal(e.data, &v); err != nil || v.ID != e.id {
			v = messageView{ID: e.id, Data: fmt.Sprintf("unreadable:%s", strings.ReplaceAll(string(e.data), " ", ""))}
		}
		o.Page = []Message{v.message()}
		l.history.Add(o)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.id != "" {
		l.last = e.id
	}
	if len(o.Page) > 0 {
		l.heard = e.id
	}
}

// where returns which session it follows, and how many of its messages it has heard.
func (l *listener) where() (session string, heard uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session, positionOf(l.heard)
}

// check holds that a listener hears the last message that is there, once nothing is published any more.
func (l *listener) check(ops []Op, found *findings, limit time.Duration) {
	last := map[string]uint64{}
	for _, o := range ops {
		for _, m := range o.Page {
			last[o.Session] = max(last[o.Session], m.position())
		}
	}
	err := await(limit, func() error {
		if session, heard := l.where(); heard < last[session] {
			return fmt.Errorf("listener %d has heard %d of %d messages", l.id, heard, last[session])
		}
		return nil
	})
	if err != nil {
		session, _ := l.where()
		found.add(Heard, session, "%v", err)
	}
}
