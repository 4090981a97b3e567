package dashboard

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"orchestrator/internal/session"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const id = session.ID("01890a5d-ac96-774b-bcce-b302099a8057")

// hostile is text that would end up as markup, were it not escaped.
const hostile = `<script>alert("1")</script>`

func written(t *testing.T, p Page) string {
	t.Helper()
	p.Node, p.Version, p.At, p.Request = "node-1", "1.2.3", now, "r-17"
	b, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	html := string(b)
	for _, bad := range []string{"<script", "ZgotmplZ", "<no value>", `style="`, "%!"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %s: %s", bad, html)
		}
	}
	has(t, html, "as seen by <strong>node-1</strong>", "Request r-17.", "<title>"+map[bool]string{true: "Fleet", false: "Session"}[p.Fleet != nil])
	for _, m := range regexp.MustCompile(`(?:href|action|src)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(m[1], "/") || strings.HasPrefix(m[1], "//") {
			t.Errorf("the page leads to %s", m[1])
		}
	}
	return html
}

func has(t *testing.T, html string, all ...string) {
	t.Helper()
	for _, text := range all {
		if !strings.Contains(html, text) {
			t.Errorf("%s is missing in %s", text, html)
		}
	}
}

func node(name session.NodeID, state session.NodeState, sessions int) session.Node {
	return session.Node{Holder: session.Holder{Node: name}, Host: "10.0.0.1", Port: 8080, State: state, Sessions: sessions, MaxSessions: 100, Weight: 1.5,
		Zone: hostile, Version: "1.2.3", HeartbeatAt: now.Add(-1500 * time.Millisecond), StartedAt: now.Add(-3 * time.Hour), MemoryUsage: 42 << 20}
}

func TestFleet(t *testing.T) {
	t.Parallel()
	sick, leaving := node("node-3", session.Ready, 5), node("node-2", session.Draining, 30)
	sick.Quarantine = "its peers do not reach it"
	leaving.Drain = &session.Drain{From: 40, Deadline: now.Add(90 * time.Second)}
	f := &Fleet{
		Refreshed: true,
		Checks:    []session.Check{{Name: "registration"}, {Name: "redis", Err: errors.New("away")}},
		Nodes:     []session.Node{node("node-1", session.Ready, 75), leaving, sick, node("node-4", session.Dead, 2)},
		Events: []session.Event{
			{Type: session.NodeDead, Node: "node-5", Time: now.Add(-time.Minute)},
			{Type: session.NodeRecovered, Node: "node-4", Actor: "node-1", Time: now.Add(-2 * time.Minute), Recovered: &session.Recovery{Expected: 12, Recovered: 11, Lost: 1}},
			{Type: session.NodeDead, Node: "node-4", Time: now.Add(-3 * time.Minute)},
			{Type: session.NodeJoined, Node: "node-3", Time: now.Add(-50 * time.Hour)},
		},
	}
	html := written(t, Page{Fleet: f})
	has(t, html, "node-1 is not ready: redis: away", "<dd>3 <small>of 4</small></dd>", "<dd>112</dd>", "<dd>28.0</dd>", "<dd>25</dd>", `<b class="draining">draining</b>: 30 of 40 left, due in 1 min`,
		"in quarantine</b>: its peers do not reach it", `min="0" max="100" value="75">`, "42 MiB", "1 s ago", "3 h ago", `<a href="/dashboard/sessions?owner=node-1">`, `<b class="dead">dead</b>`,
		"10.0.0.1:8080", "&lt;script&gt;", `<meta http-equiv="refresh" content="5">`, "expected 12, recovered 11, lost 1", "2 min ago", "2 days ago", `<b class="joined">node.joined</b>`)
	has(t, html, "node-5 died 1 min ago: its sessions are being taken over")
	for _, bad := range []string{"registration", "node-4 died"} {
		if strings.Contains(html, bad) {
			t.Errorf("what is well, or over, is a reproach: %s", bad)
		}
	}
	f.Refreshed = false
	if html = written(t, Page{Fleet: f}); strings.Contains(html, "http-equiv") {
		t.Error("it is asked for again though it was to stop")
	}
	html = written(t, Page{Fleet: &Fleet{Unread: "the store is away", NoEvents: "away too"}})
	has(t, html, "The nodes could not be read: the store is away", "They could not be read: away too")
	has(t, written(t, Page{Fleet: &Fleet{}}), "No node is registered.", "Nothing that is kept.", "<dd>0.0</dd>")
}

func sample() session.Session {
	return session.Session{ID: id, Type: "coder", Name: hostile, Workspace: "/w", Status: session.Idle, Config: map[string]any{"model": hostile}, Labels: map[string]string{"team": hostile},
		Holder: session.Holder{Node: "node-1", Incarnation: "aa"}, Stamp: session.Stamp{Epoch: 3, Version: 7, Op: "op"}, Copies: 1,
		CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Minute), OwnedAt: now.Add(-time.Minute), ExpiresAt: now.Add(30 * time.Minute)}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	endless := sample()
	endless.ExpiresAt, endless.Labels = time.Time{}, nil
	html := written(t, Page{Sessions: &Sessions{Asked: url.Values{"owner": {`a"b`}, "status": {"idle"}, "pageToken": {"old"}}, Found: []session.Session{sample(), endless}, Next: "more&"}})
	has(t, html, `value="a&#34;b"`, "<option selected>idle</option>", "<option>active</option>", `<a href="/dashboard/sessions/`+string(id)+`">`, "team=&lt;script&gt;", "in 30 min", "never",
		`href="/dashboard/sessions?owner=a%22b&amp;pageToken=more%26&amp;status=idle"`)
	if strings.Contains(html, "refresh") {
		t.Error("a page with a form goes away while one types")
	}
	has(t, written(t, Page{Sessions: &Sessions{}}), "There is none.")
	has(t, written(t, Page{Sessions: &Sessions{Next: "more", Asked: url.Values{"status": {"idle,active"}}}}), "None among those looked at so far.", "Older ones", "<option selected>idle,active</option>")
	html = written(t, Page{Sessions: &Sessions{Unread: "owner must not be " + hostile}})
	has(t, html, "owner must not be &lt;script&gt;")
	if strings.Contains(html, "There is none.") {
		t.Error("what could not be read is said not to be there")
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	s := &Session{ID: id, Now: sample(), Explanation: session.Explanation{Partition: 66, Colocated: true, Lease: &session.Tenure{Value: "node-1/aa/3", Ends: 21 * time.Second},
		Records: []session.Site{{Role: session.RoleHome, Key: "k1", Slot: 7, Master: "10.0.0.9:6379", Stamp: sample().Stamp, Agrees: true, WrittenAt: now.Add(-time.Second)},
			{Role: session.RoleCopy, Key: "k2", Unread: "no answer"}, {Role: session.RoleCopy, Key: "k3"}},
		Ranking: session.Ranking{Strategy: "least-connections", Candidates: []session.Candidate{{Node: "node-1", Score: 0.0421}, {Node: "node-2", PassedOver: "full"}}}},
		Events: []session.Event{{Type: session.SessionMoved, Time: now, Node: "node-1", Previous: "node-2", Epoch: 3, Version: 7, Reason: "drain", Actor: "node-2"}}}
	has(t, written(t, Page{Session: s}), "Two of its records lie on one Redis master", "<code>node-1/aa/3</code>, ends in 21s", "partition 66", "no answer", `<b class="dead">no</b>`, "3.7.op",
		"0.0421", "<td>full</td>", `<b class="moved">session.moved</b>`, "<td>drain</td>", "&#34;model&#34;: &#34;&lt;script&gt;", "<td>not known</td>", "/v1/sessions/"+string(id)+"/context")
	has(t, written(t, Page{Session: &Session{ID: hostile, Unread: "no session has this id"}}), "no session has this id", "&lt;script&gt;")
	has(t, written(t, Page{Session: &Session{ID: id, NoEvents: "away"}}), "nobody is known to hold it", "never by itself", "They could not be read: away")
}

// What one look could not find out keeps nothing from being shown that another did.
func TestSessionInPart(t *testing.T) {
	t.Parallel()
	html := written(t, Page{Session: &Session{ID: id, Now: sample(), Unexplained: "the fleet's master is away"}})
	has(t, html, "How it stands could not be found out: the fleet&#39;s master is away", "<td>idle</td>", "What happened to it")
	html = written(t, Page{Session: &Session{ID: id, Unread: "its master is away", Explanation: session.Explanation{Records: []session.Site{{Role: session.RoleHome, Unread: "no answer"}}}}})
	has(t, html, `<p class="bad">its master is away</p>`, "<td>no answer</td>")
}

// Clocks of two machines differ: a page says nothing that is not so of a time that has not come.
func TestTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{-time.Hour: "0 s ago", 59 * time.Second: "59 s ago", time.Minute: "1 min ago", 47 * time.Hour: "47 h ago", 72 * time.Hour: "3 days ago"} {
		if got := since(now, now.Add(-d)); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	for want, at := range map[string]time.Time{"never": {}, "in 2 h": now.Add(2 * time.Hour), "5 min ago": now.Add(-5 * time.Minute)} {
		if got := until(now, at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
