package clienttest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"orchestrator/client"
)

// session is one session with what is kept beside it.
type session struct {
	client.Session

	stamp    string
	messages []client.Message
	dropped  int // messages that are not kept any more
	lastID   string
	keys     map[string]publication
	context  *blob
	moving   bool // it is being moved: nobody new may run it
}

// keyed is what an idempotency key of a create stands for.
type keyed struct {
	body []byte
	id   string
}

// draft is the body of a create.
type draft struct {
	Type, Name, Workspace string
	Config                map[string]any
	Labels                map[string]string
	Status                client.Status
	TTL                   string
	Placement             client.Placement
	Durability            client.Durability
}

// newID draws a UUID version 7.
func newID() string {
	var u [16]byte
	_, _ = rand.Read(u[:])
	ms := time.Now().UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6], u[8] = u[6]&0x0f|0x70, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func (d draft) check() *problem {
	for name, s := range map[string]string{"type": d.Type, "name": d.Name, "workspace": d.Workspace} {
		if s == "" {
			return invalid(name, "is required")
		}
	}
	if _, p := lifetime(d.TTL); p != nil {
		return p
	}
	if d.Durability != "" && d.Durability != client.Acked && d.Durability != client.Fast {
		return invalid("durability", "must be one of acked, fast")
	}
	return checkStatus(d.Status)
}

func checkStatus(s client.Status) *problem {
	if s != "" && !slices.Contains([]client.Status{client.Active, client.Idle, client.Completed, client.Failed}, s) {
		return invalid("status", "must be one of active, idle, completed, failed")
	}
	return nil
}

func lifetime(ttl string) (time.Duration, *problem) {
	if ttl == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(ttl)
	if err != nil || d < time.Second || d > 365*24*time.Hour {
		return 0, invalid("ttl", "must be a duration between 1s and 8760h0m0s")
	}
	return d, nil
}

// create makes a session, with the fleet locked.
func (f *Fleet) create(d draft) (*session, *problem) {
	if p := d.check(); p != nil {
		return nil, p
	}
	n := f.place(d.Placement, "")
	if n == nil {
		p := refuse(http.StatusServiceUnavailable, "no-capacity", "no node has room")
		p.Used, p.Limit = len(f.sessions), len(f.sessions)
		return nil, p
	}
	at := now()
	s := &session{keys: map[string]publication{}}
	s.Session = client.Session{ID: newID(), Type: d.Type, Name: d.Name, Workspace: d.Workspace, Config: d.Config, Labels: d.Labels,
		Status: cmp.Or(d.Status, client.Active), Owner: n.view.ID, Epoch: 1, Version: 1, Copies: 1, CreatedAt: at, UpdatedAt: at, OwnedAt: at}
	if d.Durability == client.Fast {
		s.Durability = client.Fast
	}
	if s.Config == nil {
		s.Config = map[string]any{}
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if ttl, _ := lifetime(d.TTL); ttl > 0 {
		s.ExpiresAt = at.Add(ttl)
	}
	f.stamp(s)
	f.sessions[s.ID] = s
	f.tell(client.Event{Type: client.SessionCreated, Session: s.ID, Node: s.Owner, Epoch: s.Epoch, Version: s.Version})
	f.assign(s)
	return s, nil
}

// stamp gives a session's state a name of its own.
func (f *Fleet) stamp(s *session) {
	s.stamp = fmt.Sprintf(`"%d.%d.%d"`, s.Epoch, s.Version, f.nextSerial())
}

func show(w http.ResponseWriter, status int, s *session) *problem {
	w.Header().Set("ETag", s.stamp)
	w.Header().Set("Session-Epoch", strconv.FormatUint(s.Epoch, 10))
	return reply(w, status, s.Session)
}

func (n *node) createSession(w http.ResponseWriter, r *http.Request) *problem {
	raw, p := body(r, maxBody)
	if p != nil {
		return p
	}
	var d draft
	if p := parse(raw, &d); p != nil {
		return p
	}
	key := r.Header.Get("Idempotency-Key")
	if before, used := n.fleet.keys[key]; used && key != "" {
		if !bytes.Equal(before.body, raw) {
			return refuse(http.StatusUnprocessableEntity, "idempotency-mismatch", "the Idempotency-Key was used with another body")
		}
		s, p := n.fleet.find(before.id) // one that was deleted since is not made again
		if p != nil {
			return p
		}
		return show(w, http.StatusOK, s)
	}
	s, p := n.fleet.create(d)
	if p != nil {
		return p
	}
	if key != "" {
		n.fleet.keys[key] = keyed{raw, s.ID}
	}
	w.Header().Set("Location", "/v1/sessions/"+s.ID)
	return show(w, http.StatusCreated, s)
}

func (n *node) createBatch(w http.ResponseWriter, r *http.Request) *problem {
	var in struct{ Sessions []json.RawMessage }
	if p := read(r, &in); p != nil {
		return p
	}
	if len(in.Sessions) == 0 || len(in.Sessions) > 1000 {
		return invalid("sessions", "must hold 1 to 1000 drafts")
	}
	results := make([]map[string]any, len(in.Sessions))
	for i, raw := range in.Sessions {
		var d draft
		p := parse(raw, &d)
		var s *session
		if p == nil {
			s, p = n.fleet.create(d)
		}
		if p != nil {
			results[i] = map[string]any{"status": p.Status, "problem": p}
			continue
		}
		results[i] = map[string]any{"status": http.StatusCreated, "session": s.Session}
	}
	return reply(w, http.StatusOK, map[string]any{"results": results})
}

// find returns the session that a path names.
func (n *node) find(r *http.Request) (*session, *problem) { return n.fleet.find(r.PathValue("id")) }

func (f *Fleet) find(id string) (*session, *problem) {
	s := f.sessions[id]
	if s != nil && !s.ExpiresAt.IsZero() && !time.Now().Before(s.ExpiresAt) {
		f.end(s, client.SessionExpired)
		s = nil
	}
	if s == nil {
		return nil, refuse(http.StatusNotFound, "session-not-found", "no session has this id, or it was deleted")
	}
	return s, nil
}

// holds checks a change's conditions: on the epoch, and on the state that current names.
func holds(r *http.Request, s *session, current string) *problem {
	if given := r.Header.Get("Session-Epoch"); given != "" && given != strconv.FormatUint(s.Epoch, 10) {
		p := refuse(http.StatusConflict, "stale-epoch", "epoch %s is stale: the session is at epoch %d, owned by %s", given, s.Epoch, s.Owner)
		p.CurrentEpoch, p.Owner = s.Epoch, s.Owner
		return p
	}
	if want := r.Header.Get("If-Match"); want != "" && want != current && (want != "*" || current == "") {
		p := refuse(http.StatusPreconditionFailed, "version-mismatch", "If-Match %s does not match %s", want, current)
		p.CurrentETag = current
		return p
	}
	return nil
}

func (n *node) getSession(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	return show(w, http.StatusOK, s)
}

func (n *node) patchSession(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if p := holds(r, s, s.stamp); p != nil {
		return p
	}
	var patch map[string]any
	if p := read(r, &patch); p != nil {
		return p
	}
	changed := s.Session
	if p := apply(&changed, patch); p != nil {
		return p
	}
	changed.Version++
	changed.UpdatedAt = now()
	s.Session = changed
	n.fleet.stamp(s)
	n.fleet.tell(client.Event{Type: client.SessionUpdated, Session: s.ID, Node: s.Owner, Epoch: s.Epoch, Version: s.Version})
	return show(w, http.StatusOK, s)
}

// apply changes a session by a merge patch.
func apply(s *client.Session, patch map[string]any) *problem {
	for name, v := range patch {
		text, isText := v.(string)
		object, isObject := v.(map[string]any)
		field := map[string]*string{"type": &s.Type, "name": &s.Name, "workspace": &s.Workspace}[name]
		switch {
		case field != nil && isText && text != "":
			*field = text
		case name == "status" && isText && text != "":
			s.Status = client.Status(text)
		case name == "ttl" && v == nil:
			s.ExpiresAt = time.Time{}
		case name == "ttl" && isText:
			d, p := lifetime(text)
			if p != nil {
				return p
			}
			s.ExpiresAt = now().Add(d)
		case name == "config" && v == nil:
			s.Config = map[string]any{}
		case name == "config" && isObject:
			s.Config = merge(s.Config, object)
		case name == "labels" && v == nil:
			s.Labels = map[string]string{}
		case name == "labels" && isObject:
			s.Labels = maps.Clone(s.Labels)
			for k, v := range object {
				delete(s.Labels, k)
				if label, ok := v.(string); ok {
					s.Labels[k] = label
				} else if v != nil {
					return invalid("labels."+k, "must be a string")
				}
			}
		default:
			return invalid(name, "is not a field that can be set so")
		}
	}
	return checkStatus(s.Status)
}

func merge(target, patch map[string]any) map[string]any {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range patch {
		if sub, ok := v.(map[string]any); ok {
			old, _ := out[k].(map[string]any)
			out[k] = merge(old, sub)
		} else if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

func (n *node) deleteSession(w http.ResponseWriter, r *http.Request) *problem {
	s, p := n.find(r)
	if p != nil {
		return p
	}
	if p := holds(r, s, s.stamp); p != nil {
		return p
	}
	if p := s.unchanged(r.URL.Query()); p != nil {
		return p
	}
	n.fleet.end(s, client.SessionDeleted)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// unchanged checks a deletion's conditions on what lies beside the session.
func (s *session) unchanged(q url.Values) *problem {
	last, context := s.last(), ""
	if s.context != nil {
		context = s.context.etag
	}
	if q.Has("lastMessage") && q.Get("lastMessage") != last {
		return refuse(http.StatusPreconditionFailed, "version-mismatch", "the session's messages end with %s by now, not with %s", last, q.Get("lastMessage"))
	}
	if q.Has("contextETag") && q.Get("contextETag") != context {
		return refuse(http.StatusPreconditionFailed, "version-mismatch", "the session's context has the ETag %s by now, not %s", context, q.Get("contextETag"))
	}
	return nil
}

// end takes a session away.
func (f *Fleet) end(s *session, why string) {
	delete(f.sessions, s.ID)
	f.tell(client.Event{Type: why, Session: s.ID, Node: s.Owner, Epoch: s.Epoch, Version: s.Version})
	f.revoke(s, time.Now())
	f.stir()
}

func (n *node) listSessions(w http.ResponseWriter, r *http.Request) *problem {
	q := r.URL.Query()
	most, p := limit(r)
	if p != nil {
		return p
	}
	var page client.SessionPage
	ids := slices.Sorted(maps.Keys(n.fleet.sessions))
	for _, id := range ids {
		s := n.fleet.sessions[id].Session
		if id <= q.Get("pageToken") || !selected(q["type"], s.Type) || !selected(q["status"], string(s.Status)) ||
			!selected(q["owner"], s.Owner) || q.Has("workspace") && q.Get("workspace") != s.Workspace || !labelled(q["label"], s.Labels) {
			continue
		}
		if len(page.Sessions) == most {
			page.Next = page.Sessions[most-1].ID
			break
		}
		page.Sessions = append(page.Sessions, s)
	}
	out := map[string]any{"sessions": append([]client.Session{}, page.Sessions...)}
	if page.Next != "" {
		out["nextPageToken"] = page.Next
	}
	return reply(w, http.StatusOK, out)
}

// selected reports whether a value is one of those asked for, if any.
func selected(asked []string, value string) bool {
	return len(asked) == 0 || slices.Contains(strings.Split(strings.Join(asked, ","), ","), value)
}

func labelled(pairs []string, labels map[string]string) bool {
	for _, pair := range pairs {
		k, v, _ := strings.Cut(pair, "=")
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}
