package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"orchestrator/client"
)

// numbered are the messages from one number up to another.
func numbered(from, to int) (texts []string) {
	for i := range to - from {
		texts = append(texts, fmt.Sprint("line ", from+i))
	}
	return texts
}

// say publishes in a session, and returns the ids.
func say(t *testing.T, c *client.Client, id string, texts ...string) (ids []string) {
	t.Helper()
	for part := range slices.Chunk(texts, 100) {
		drafts := make([]client.MessageDraft, len(part))
		for i, text := range part {
			drafts[i] = client.MessageDraft{Kind: "input", Data: text}
		}
		made, err := c.Publish(t.Context(), id, client.Publication{}, drafts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// heard returns what a session has said, from a cursor on.
func heard(t *testing.T, c *client.Client, id string, after ...string) (all []client.Message) {
	t.Helper()
	cursor := strings.Join(after, "")
	for {
		page, err := c.Messages(t.Context(), id, client.MessageSelection{After: cursor, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) == 0 {
			return all
		}
		all, cursor = append(all, page.Messages...), page.NextAfter
	}
}

// mark says how far a session's runner has read.
func mark(t *testing.T, c *client.Client, id, upTo string) {
	t.Helper()
	if _, err := c.PatchSession(t.Context(), id, client.Patch{Labels: map[string]string{LabelReadUpTo: upTo}}, client.Condition{}); err != nil {
		t.Fatal(err)
	}
}

// goesOn fails unless a session of the pair says this, and its runner goes on behind one of them; -1: with the oldest.
func (p *pair) goesOn(t *testing.T, about string, s client.Session, want []string, read int) {
	t.Helper()
	c := p.b
	if _, err := c.GetSession(t.Context(), s.ID); errors.Is(err, client.ErrNotFound) {
		c = p.a
	}
	texts := func(all []client.Message) (texts []string) {
		for _, m := range all {
			texts = append(texts, strings.Trim(string(m.Data), `"`))
		}
		return texts
	}
	if got := texts(heard(t, c, s.ID)); !slices.Equal(got, want) {
		t.Errorf("%s: %d messages %.60q..., want %d: %.60q...", about, len(got), got, len(want), want)
	}
	label, labelled := s.Labels[LabelReadUpTo]
	if rest := texts(heard(t, c, s.ID, label)); labelled != (read >= 0) || !slices.Equal(rest, want[read+1:]) {
		t.Errorf("%s: its runner goes on after %q, with %.60q...", about, label, rest)
	}
}

func TestMessagesAreMovedAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	var drafts []client.MessageDraft
	for _, data := range []any{nil, "", "<&>\u2028", map[string]any{"b": []any{1, nil}, "a": 0.5}, 12345678901234567, []int{}} {
		drafts = append(drafts, client.MessageDraft{Kind: fmt.Sprint("kind/", len(drafts)), Data: data})
	}
	for range 90 { // in JSON six times as long as one publish may be
		drafts = append(drafts, client.MessageDraft{Data: strings.Repeat("<", 16<<10-2)})
	}
	for part := range slices.Chunk(drafts, 20) {
		if _, err := p.a.Publish(t.Context(), s.ID, client.Publication{}, part...); err != nil {
			t.Fatal(err)
		}
	}
	want := heard(t, p.a, s.ID)
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
		t.Fatalf("%+v %v", got, err)
	}
	got := heard(t, p.b, all(t, p.b)["one"].ID)
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i, m := range got {
		if m.Kind != want[i].Kind || digestOf(m) != digestOf(want[i]) {
			t.Errorf("message %d is %s %.80s, want %s %.80s", i, m.Kind, m.Data, want[i].Kind, want[i].Data)
		}
	}
}

func TestMessagesDifferInWhatTheySay(t *testing.T) {
	t.Parallel()
	message := func(kind, data string) client.Message { return client.Message{Kind: kind, Data: []byte(data)} }
	one := digestOf(message("a", `{"x":"<","n":1.0}`))
	if one != digestOf(message("a", ` {"n": 1.0, "x":"\u003c"}`)) {
		t.Error("another form of the same is another message")
	}
	for _, m := range []client.Message{message("b", `{"x":"<","n":1.0}`), message("a", `{"x":"<","n":1}`), message("a", `{"x":"<"}`), message("a", `"`)} {
		if one == digestOf(m) {
			t.Errorf("%s %s is the same message", m.Kind, m.Data)
		}
	}
}

// As many as are kept, and others come while they are moved: by each the oldest goes, here and there.
func TestAFullConversationMovesWhileItGoesOn(t *testing.T) {
	t.Parallel()
	const kept, more = 1000, 7
	for _, crash := range []int{0, 4, 9} { // a publish; the copy has some then that the source keeps no more
		for _, applied := range []bool{false, true} {
			p := newPair(t)
			s := create(t, p.a, client.Draft{Name: "one"})
			ids := say(t, p.a, s.ID, numbered(0, kept+50)...)
			mark(t, p.a, s.ID, ids[200])
			direct, said := beside(t, p.wire.a), kept+50
			goOn := func() {
				say(t, direct, s.ID, numbered(said, said+more)...)
				said += more
			}
			if crash > 0 {
				p.wire.crash, p.wire.applied = p.wire.changes+crash, applied
				if _, err := p.move().run(t); !errors.Is(err, errDown) {
					t.Fatal(err)
				}
				p.wire.crash = 0
				goOn()
			}
			times, copies := 5, 0
			p.wire.before = func(method, path, host string) {
				if method == http.MethodPost && path == "/v1/sessions" {
					copies++
				}
				if method == http.MethodPost && strings.HasSuffix(path, "/messages") && host == "b" && times > 0 {
					times--
					goOn()
				}
			}
			m := p.move()
			if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 1}) {
				t.Fatalf("%+v %v %v", got, err, m.told)
			}
			if first := crash == 0; copies > 1 || (copies == 1) != first {
				t.Errorf("crash %d: %d copies were made", crash, copies)
			}
			p.goesOn(t, fmt.Sprint("crash ", crash), all(t, p.b)["one"], numbered(said-kept, said), 200-(said-kept))
		}
	}
}

// The message that was read last is lost at both ends while the session is moved: the runner begins with the oldest, as the source's would.
func TestWhatWasReadIsLostWhileASessionIsMoved(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	ids := say(t, p.a, s.ID, numbered(0, 1000)...)
	mark(t, p.a, s.ID, ids[3])
	direct, more := beside(t, p.wire.a), numbered(1000, 1007)
	p.wire.before = func(method, path, host string) {
		if method == http.MethodPost && strings.HasSuffix(path, "/messages") && host == "b" {
			say(t, direct, s.ID, more...)
			more = nil
		}
	}
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
		t.Fatalf("%+v %v", got, err)
	}
	p.goesOn(t, "one", all(t, p.b)["one"], numbered(7, 1007), -1)
}

// What a mover that crashed had under way is carried out while the next one publishes, or after it, and adds nothing twice.
func TestAPublishThatComesLateAddsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]int{"nothing new": 0, "some more": 10, "many more": 300} {
		for _, during := range []bool{true, false} {
			p := newPair(t)
			s := create(t, p.a, client.Draft{Name: "one"})
			say(t, p.a, s.ID, numbered(0, 150)...)
			p.wire.crash = p.wire.changes + 4 // mark, copy, publish, publish
			if _, err := p.move().run(t); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			p.wire.crash = 0
			say(t, p.a, s.ID, numbered(150, 150+meanwhile)...)
			late := p.wire.late
			if during {
				p.wire.before = func(method, path, _ string) {
					if method == http.MethodPost && strings.HasSuffix(path, "/messages") && late != nil {
						late()
						late = nil
					}
				}
			}
			m := p.move()
			if got, err := m.run(t); err != nil || got != (MoveCounts{Moved: 1}) {
				t.Fatalf("%s: %+v %v %v", name, got, err, m.told)
			}
			if late != nil {
				late()
			}
			p.goesOn(t, fmt.Sprint(name, ", during the next: ", during), all(t, p.b)["one"], numbered(0, 150+meanwhile), -1)
		}
	}
}

// A copy that says something else is made anew.
func TestACopySaysWhatItsSessionSays(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string][]string{"before": {"x"}, "instead": numbered(50, 60), "the same twice": numbered(0, 2)} {
		for _, crash := range []int{2, 3} { // the copy is made; its messages are published
			p := newPair(t)
			s := create(t, p.a, client.Draft{Name: "one"})
			say(t, p.a, s.ID, numbered(0, 20)...)
			p.wire.crash, p.wire.applied = p.wire.changes+crash, true
			if _, err := p.move().run(t); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			p.wire.crash = 0
			copied := all(t, p.b)["one"].ID
			say(t, p.b, copied, foreign...)
			if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
				t.Fatalf("%+v %v", got, err)
			}
			now := all(t, p.b)["one"]
			p.goesOn(t, fmt.Sprint(name, ", crash ", crash), now, numbered(0, 20), -1)
			if begins := name == "the same twice" && crash == 2; (now.ID == copied) != begins {
				t.Errorf("%s, crash %d: the copy was made anew, or was not", name, crash)
			}
		}
	}
}

// While its messages are published, somebody else says something at the copy.
func TestACopyThatSomebodySpeaksInIsMadeAnew(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	say(t, p.a, s.ID, numbered(0, 150)...)
	direct, posts := beside(t, p.wire.b), 0
	p.wire.before = func(method, path, host string) {
		if method == http.MethodPost && strings.HasSuffix(path, "/messages") && host == "b" {
			if posts++; posts == 2 {
				say(t, direct, strings.Split(path, "/")[3], "x")
			}
		}
	}
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
		t.Fatalf("%+v %v", got, err)
	}
	p.goesOn(t, "one", all(t, p.b)["one"], numbered(0, 150), -1)
}

func TestATargetThatKeepsFewerMessagesIsToldSo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	s := create(t, p.a, client.Draft{Name: "one"})
	say(t, p.a, s.ID, numbered(0, 150)...)
	direct := beside(t, p.wire.b)
	p.wire.before = func(method, path, host string) {
		if method != http.MethodGet || !strings.HasSuffix(path, "/messages") || host != "b" || p.wire.keeps != "" {
			return
		}
		if there := heard(t, direct, strings.Split(path, "/")[3]); len(there) == 150 {
			p.wire.keeps = there[2].ID
		}
	}
	m := p.move()
	if got, err := m.run(t); err != nil || got != (MoveCounts{Failed: 1}) || m.told[0].Error() != "target: it keeps only the last 147 of 150 messages" {
		t.Errorf("%+v %v %v", got, err, m.told)
	}
	if len(heard(t, p.a, s.ID)) != 150 {
		t.Error("messages are lost at the source")
	}
}

// A runner goes on exactly behind what its session's has read.
func TestARunnerGoesOnBehindWhatWasRead(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		label string
		later int // it reads on while the session is moved; 0: it does not
		want  int
	}{
		"the last":               {label: "9", want: 9},
		"the first":              {label: "0", want: 0},
		"none yet":               {want: -1},
		"one not kept any more":  {label: "1-0", want: -1},
		"another while it moves": {label: "3", later: 6, want: 6},
	} {
		p := newPair(t)
		s := create(t, p.a, client.Draft{Name: "one"})
		ids := say(t, p.a, s.ID, numbered(0, 10)...)
		var n int
		if _, err := fmt.Sscanf(row.label+"\n", "%d\n", &n); err == nil {
			mark(t, p.a, s.ID, ids[n])
		} else if row.label != "" {
			mark(t, p.a, s.ID, row.label)
		}
		direct := beside(t, p.wire.a)
		p.wire.before = func(method, _, host string) {
			if method == http.MethodDelete && host == "a" && row.later > 0 {
				mark(t, direct, s.ID, ids[row.later])
				row.later = 0
			}
		}
		began := p.wire.changes
		if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 1}) {
			t.Fatalf("%+v %v", got, err)
		}
		p.goesOn(t, name, all(t, p.b)["one"], numbered(0, 10), row.want)
		if n := p.wire.changes - began; n > 8 {
			t.Errorf("%s: %d changes: the copy was made anew", name, n)
		}
	}
}

// A fleet of a former version deletes a session without regard to what lies beside it. What comes while it is copied is seen all the same.
func TestMessagesMoveFromAFormerVersion(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.wire.former = true
	s := create(t, p.a, client.Draft{Name: "one"})
	say(t, p.a, s.ID, numbered(0, 150)...)
	direct, said := beside(t, p.wire.a), 150
	p.wire.before = func(method, path, host string) {
		if method == http.MethodGet && strings.HasSuffix(path, "/messages") && host == "b" && said < 155 { // they are read back
			say(t, direct, s.ID, fmt.Sprint("line ", said))
			said++
		}
	}
	create(t, p.a, client.Draft{Name: "bare"})
	if got, err := p.move().run(t); err != nil || got != (MoveCounts{Moved: 2}) {
		t.Fatalf("%+v %v", got, err)
	}
	p.goesOn(t, "one", all(t, p.b)["one"], numbered(0, said), -1)
}
