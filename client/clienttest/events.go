package clienttest

import (
	"fmt"
	"net/http"
	"strconv"

	"orchestrator/client"
)

// tell notes an event, with the fleet locked.
func (f *Fleet) tell(ev client.Event) {
	ev.ID, ev.Time = fmt.Sprintf("p0:%d", len(f.events)+1), now()
	f.events = append(f.events, ev)
	f.stir()
}

func (n *node) readEvents(w http.ResponseWriter, r *http.Request) *problem {
	f, q := n.fleet, r.URL.Query()
	cursor := q.Get("cursor")
	if last := r.Header.Get("Last-Event-ID"); last != "" && streams(r) {
		cursor = last
	}
	at, err := strconv.Atoi(cursor)
	switch {
	case cursor == "" && !streams(r):
		at = 0
	case cursor == "" || cursor == client.Latest:
		at = len(f.events)
	case err != nil || at < 0:
		return invalid("cursor", "must be one that this API has given")
	case at > len(f.events):
		p := refuse(http.StatusGone, "cursor-gone", "the fleet has no such events: list again, then follow from latest")
		p.Latest = strconv.Itoa(len(f.events))
		return p
	}
	wanted := func(ev client.Event) bool {
		return selected(q["type"], ev.Type) && selected(q["session"], ev.Session) && selected(q["node"], ev.Node)
	}
	if streams(r) {
		n.flow(w, r, 0, func() (items []item, last bool) {
			for ; at < len(f.events); at++ {
				if ev := f.events[at]; wanted(ev) {
					items = append(items, item{ev.Type, strconv.Itoa(at + 1), ev})
				}
			}
			if len(items) == 0 {
				items = append(items, item{client.Bookmark, strconv.Itoa(at), map[string]string{"cursor": strconv.Itoa(at)}})
			}
			return items, false
		})
		return nil
	}
	most, p := limit(r)
	if p != nil {
		return p
	}
	out := []client.Event{}
	for ; at < len(f.events) && len(out) < most; at++ {
		if wanted(f.events[at]) {
			out = append(out, f.events[at])
		}
	}
	return reply(w, http.StatusOK, map[string]any{"events": out, "nextCursor": strconv.Itoa(at)})
}
