package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const hour = time.Hour

// quiet drops what a shell says of its own children's ends.
const quiet = "exec 2>/dev/null; "

// A script that runs until it is told to end, and says so.
const polite = locked + quiet + `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`

// A script that does not listen, and neither does what it has started elsewhere.
const stubborn = locked + `trap '' TERM; setsid sleep 1000 & echo up; while :; do sleep 1; done`

func TestASessionIsRunToItsEnd(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.input("s1", "hello", "second")
	s := start(t, f, `read a; echo "$ORCHESTRATOR_SESSION_ID $ORCHESTRATOR_SESSION_NAME $ORCHESTRATOR_EPOCH $ORCHESTRATOR_WORKSPACE $ORCHESTRATOR_API: $a"
read b; echo "$b" >&2; printf 'no end of line'`, nil)
	s.stream(hour, one)
	var all []Message
	for range 3 {
		all = append(all, await(t, "the output", f.said))
	}
	require.ElementsMatch(t, []Message{{KindOutput, "s1 name-1 3 /nowhere http://node: hello"}, {KindError, "second"}, {KindOutput, "no end of line"}}, all)
	for f.session("s1").Status != completed {
		await(t, "the end", f.reports)
	}
	require.Equal(t, map[string]string{LabelExit: "0", LabelAfter: "2"}, f.session("s1").Labels)
	s.end()
	require.NoError(t, await(t, "the runner's end", s.ended))
}

func TestRestartPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script      string
		restart     Restart
		maxFailures int
		starts      int // counted; 0: more than 3
		status      string
		exit        string
	}{
		"never, and it succeeds":               {"exit 0", Never, 3, 1, completed, "0"},
		"never, and it fails":                  {"exit 3", Never, 3, 1, failed, "3"},
		"on failure, and it succeeds":          {"exit 0", OnFailure, 3, 1, completed, "0"},
		"on failure, too often":                {"exit 3", OnFailure, 3, 3, failed, "3"},
		"on failure, and it succeeds at last":  {`echo >> "$DIR/n"; test $(wc -l < "$DIR/n") -ge 3`, OnFailure, 9, 3, completed, "0"},
		"on failure, by a signal":              {"kill -KILL $$", OnFailure, 2, 2, failed, "137"},
		"on failure, without an end":           {"exit 3", OnFailure, 0, 0, active, "3"},
		"always, also after success":           {"exit 0", Always, 2, 0, active, "0"},
		"always, but not failures without end": {"exit 4", Always, 2, 2, failed, "4"},
		"always, and failures not in a row":    {`echo >> "$DIR/n"; exit $(($(wc -l < "$DIR/n") % 2))`, Always, 2, 0, active, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := agent(1)
			f := newFleet(one)
			s := start(t, f, "echo started; "+c.script, func(cfg *Config) {
				cfg.Restart, cfg.MaxFailures, cfg.LongestPause = c.restart, c.maxFailures, time.Minute
			})
			l := s.stream(hour, one)
			for range max(c.starts, 4*(1-min(c.starts, 1))) {
				s.says(KindOutput, "started")
			}
			for f.session("s1").Labels[LabelExit] != c.exit || f.session("s1").Status != c.status {
				await(t, "the report", f.reports)
			}
			if c.status == active {
				return
			}
			s.revoke(l, one, hour) // it is held until it is taken back, and not started again
			require.Equal(t, released{"s1", 3}, await(t, "ack", f.acks))
			none(t, "another start", f.said)
		})
	}
}

func TestTheStatusIsKeptWhereLabelsHaveNoRoom(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.full = true
	s := start(t, f, "exit 3", func(c *Config) { c.Restart = Never })
	s.stream(hour, one)
	await(t, "the end", f.reports)
	require.Equal(t, failed, f.session("s1").Status)
}

func TestARevokedSessionEndsBeforeItIsAcknowledged(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, polite, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	for range 3 {
		s.revoke(l, one, hour)
		require.Equal(t, released{one.ID, one.Epoch}, await(t, "ack", f.acks))
		require.True(t, s.alone())
		s.says(KindOutput, "bye") // published before, under the epoch that was held
		require.Equal(t, active, f.session("s1").Status)
		one = f.move("s1")
		s.assign(l, one)
		s.says(KindOutput, "up")
	}
}

func TestWhoDoesNotListenIsGoneBeforeItIsAcknowledged(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"the grace is short": 10 * time.Millisecond, "the grace is longer than there is time": hour, "none": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := agent(1)
			f := newFleet(one)
			s := start(t, f, stubborn, func(c *Config) { c.Grace = grace })
			l := s.stream(hour, one)
			s.says(KindOutput, "up")
			s.revoke(l, one, 4*time.Second)
			await(t, "ack", f.acks)
			require.True(t, s.alone())
		})
	}
}

func TestADeadlineThatIsNowLeavesNoGrace(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, stubborn, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.revoke(l, one, -time.Second)
	await(t, "ack", f.acks)
	require.True(t, s.alone())
}

func TestRevokedInTheMiddleOfAStart(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, polite, nil)
	l := s.stream(hour)
	for i := range 20 {
		s.assign(l, one)
		time.Sleep(time.Duration(i) * time.Millisecond) // somewhere else in the start each time
		s.revoke(l, one, hour)
		require.Equal(t, released{one.ID, one.Epoch}, await(t, "ack", f.acks))
		require.True(t, s.alone())
		one = f.move("s1")
	}
	for len(f.said) > 0 {
		require.NotEqual(t, "clash", (<-f.said).Text)
	}
}

func TestAStreamsEndKillsAtOnce(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, polite, func(c *Config) { c.Grace, c.ShutdownGrace = hour, hour })
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	close(l.events)
	await(t, "the stream's end", l.over) // closed after everything was dropped
	require.True(t, s.alone())
	none(t, "it was killed, and said nothing", f.said)
	s.stream(hour, one)
	s.says(KindOutput, "up") // where the node goes on, so does the session
}

// The leash does it, though the follower says nothing.
func TestWhatIsNotVouchedForIsGone(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, stubborn, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.send(l, event{kind: last, until: time.Now().Add(2 * time.Second)})
	for !s.alone() {
		time.Sleep(time.Millisecond)
	}
	none(t, "another start without time to run", f.said)
	s.vouch(l, hour)
	s.says(KindOutput, "up")
}

// A child that was told to end for want of time is started again when there is some.
func TestVouchedForAgainInTheLastMoment(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, polite, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.vouch(l, 4*time.Second)
	s.says(KindOutput, "bye")
	s.vouch(l, hour)
	s.says(KindOutput, "up")
	require.NotContains(t, f.session("s1").Labels, LabelExit, "that was no end of its own")
}

func TestALapsedStreamIsLeft(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, polite, nil)
	until := time.Now().Add(2 * time.Second)
	l := s.stream(2*time.Second, one)
	await(t, "the stream's end", l.over)
	require.True(t, s.alone())
	require.WithinRange(t, time.Now(), until, until.Add(limit))
	s.stream(-time.Second, one) // nothing is started that is over already
	s.stream(hour)
	for len(f.said) > 0 {
		m := <-f.said
		require.Contains(t, []string{"up", "bye"}, m.Text)
	}
}

func TestALostEpochKills(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, locked+`trap '' TERM; echo up; while :; do echo more; sleep 0.05; done`, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	f.move("s1")
	for !s.alone() {
		time.Sleep(time.Millisecond)
	}
	s.revoke(l, one, hour) // the node learns of it later than we do
	await(t, "ack", f.acks)
}

func TestNoLineIsLostWhileTheSessionIsOwned(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	var calls atomic.Int32
	f.failing(func(op string) error {
		if op == "publish" && calls.Add(1)%3 != 0 {
			return errors.New("busy")
		}
		return nil
	})
	const lines = 3000
	s := start(t, f, fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "line $i"; i=$((i+1)); done`, lines), nil)
	s.stream(hour, one)
	for i := range lines {
		s.says(KindOutput, fmt.Sprint("line ", i))
	}
	for f.session("s1").Status != completed {
		await(t, "the end", f.reports)
	}
	none(t, "a line too many", f.said)
}

// A command that says more than can be published waits; what is left when the session must go is dropped.
func TestOutputHoldsTheCommandBack(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.failing(func(op string) error {
		if op == "publish" {
			return errors.New("busy")
		}
		return nil
	})
	s := start(t, f, locked+`trap '' TERM; i=0; while :; do echo "$i ................................................................................"; i=$((i+1)); echo $i >> "$DIR/count"; done`, nil)
	l := s.stream(hour, one)
	s.revoke(l, one, 2*time.Second)
	await(t, "ack", f.acks)
	require.True(t, s.alone())
	none(t, "a line", f.said)
}

func TestInputThatWasNotReadIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.input("s1", "a", "b", "c")
	// sh reads a line byte by byte, and no byte more
	s := start(t, f, quiet+`read l; echo "$l"; trap 'exit 0' TERM; while :; do sleep 0.01; done`, nil)
	l := s.stream(hour, one)
	for i, want := range []string{"a", "b", "c"} {
		s.says(KindOutput, want)
		for f.session("s1").Labels[LabelAfter] != fmt.Sprint(i+1) {
			await(t, "the record, while it runs", f.reports)
		}
		s.revoke(l, one, hour)
		await(t, "ack", f.acks)
		one = f.move("s1")
		if i < 2 {
			s.assign(l, one)
		}
	}
	require.Equal(t, "3", f.session("s1").Labels[LabelAfter])
}

func TestInputGoesOnFromWhatWasRecorded(t *testing.T) {
	t.Parallel()
	one := agent(1)
	one.Labels = map[string]string{LabelAfter: "2", LabelExit: "1"}
	f := newFleet(one)
	f.input("s1", "a", "b", "c")
	s := start(t, f, `read l; echo "$l"; exit 0`, nil)
	s.stream(hour, one)
	r := await(t, "the start's report", f.reports)
	require.Equal(t, map[string]*string{LabelExit: nil}, r.Labels, "what a former end has left is taken away")
	s.says(KindOutput, "c")
}

func TestInputThatIsNotKeptIsPassedOver(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.input("s1", "a", "b", "c")
	f.gone = "2"
	s := start(t, f, `read l; echo "$l"; exit 0`, nil)
	s.stream(hour, one)
	s.says(KindOutput, "c")
}

func TestACommandThatReadsNothingIsNotHeldUp(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	f.input("s1", strings.Repeat("x", 15_000), strings.Repeat("y", 15_000), strings.Repeat("z", 15_000), strings.Repeat("1", 15_000), strings.Repeat("2", 15_000), "end")
	s := start(t, f, polite, nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.revoke(l, one, hour)
	await(t, "ack", f.acks)
	require.NotContains(t, f.session("s1").Labels, LabelAfter)
}

// A process that its lost leash could not find, or that is none of the command's, holds the ends of its pipes.
func TestAStrangerAtThePipesHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, `exec 3<&0; setsid sh -c 'echo $$; exec sleep 1000' & read l; echo last; kill -KILL $PPID; sleep 1000`, func(c *Config) { c.Restart = Never })
	s.stream(hour, one)
	stranger, err := strconv.Atoi(await(t, "its number", f.said).Text)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(stranger, syscall.SIGKILL) })
	f.input("s1", "go", strings.Repeat("x", 15_000), strings.Repeat("y", 15_000), strings.Repeat("z", 15_000), strings.Repeat("1", 15_000), strings.Repeat("2", 15_000))
	s.says(KindOutput, "last")
	require.Contains(t, await(t, "how it ended", f.said).Text, "the leash was lost")
	for f.session("s1").Status != failed {
		await(t, "the end", f.reports)
	}
	require.Equal(t, map[string]string{LabelExit: "137", LabelAfter: "1"}, f.session("s1").Labels)
}

func TestTheRunnersEndIsPolite(t *testing.T) {
	t.Parallel()
	one, two := agent(1), agent(2)
	f := newFleet(one, two)
	s := start(t, f, quiet+`trap 'read l; echo "bye $l"; exit 0' TERM; echo up; while :; do sleep 0.01; done`, nil)
	f.input("s1", "last")
	f.input("s2", "last")
	l := s.stream(hour, one, two)
	s.says(KindOutput, "up")
	s.says(KindOutput, "up")
	s.end()
	s.says(KindOutput, "bye last")
	s.says(KindOutput, "bye last")
	require.NoError(t, await(t, "the runner's end", s.ended))
	await(t, "the stream's end", l.over)
	for _, id := range []string{"s1", "s2"} {
		require.Equal(t, active, f.session(id).Status)
		require.Equal(t, map[string]string{LabelAfter: "1"}, f.session(id).Labels)
	}
}

// systemd tells the runner and its commands to end at once: that the command heard it first is no verdict on the session.
func TestTheCommandIsToldToEndBesideTheRunner(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, "echo $$; exec sleep 1000", func(c *Config) { c.Restart = Never })
	s.stream(hour, one)
	pid, err := strconv.Atoi(await(t, "the command's pid", f.said).Text)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	s.end()
	require.NoError(t, await(t, "the runner's end", s.ended))
	require.Equal(t, active, f.session("s1").Status)
	require.Empty(t, f.session("s1").Labels)
}

// A session that somebody has ended is not started again, though its command failed.
func TestASessionThatIsEndedMeanwhileIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, "echo started; read go; exit 3", nil)
	l := s.stream(hour, one)
	s.says(KindOutput, "started")
	f.set("s1", func(now *Session) { now.Status = failed })
	f.input("s1", "go")
	for f.session("s1").Labels[LabelExit] != "3" {
		await(t, "the report", f.reports)
	}
	select {
	case m := <-f.said:
		t.Fatalf("another start: %v", m)
	case <-time.After(50 * MinPause):
	}
	s.revoke(l, one, hour)
	require.Equal(t, released{"s1", 3}, await(t, "ack", f.acks))
	require.Equal(t, failed, f.session("s1").Status)
}

func TestACommandThatCannotBeStartedSaysSo(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	path := filepath.Join(t.TempDir(), "agent")
	require.NoError(t, os.WriteFile(path, []byte("no program"), 0o700))
	s := start(t, f, "", func(c *Config) { c.Restart, c.Path = Never, path })
	s.stream(hour, one)
	for f.session("s1").Status != failed {
		await(t, "the end", f.reports)
	}
	require.Equal(t, "126", f.session("s1").Labels[LabelExit])
}

func TestTheRunnersEndIsNotHeldUp(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, stubborn, func(c *Config) { c.ShutdownGrace = 20 * time.Millisecond })
	s.stream(hour, one)
	s.says(KindOutput, "up")
	s.end()
	require.NoError(t, await(t, "the runner's end", s.ended))
	require.True(t, s.alone())
}

// A runner that ends still keeps the rules: what is revoked meanwhile is let go by its deadline.
func TestRevokedWhileTheRunnerEnds(t *testing.T) {
	t.Parallel()
	one := agent(1)
	f := newFleet(one)
	s := start(t, f, stubborn, func(c *Config) { c.ShutdownGrace = hour })
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.end()
	s.revoke(l, one, time.Second)
	require.NoError(t, await(t, "the runner's end", s.ended))
	require.True(t, s.alone())
}

func TestOthersSessionsAreNotRun(t *testing.T) {
	t.Parallel()
	other, over, moved := agent(1), agent(2), agent(3)
	other.Type, over.Status = "batch", completed
	f := newFleet(other, over, moved)
	stale := moved
	f.move("s3")
	s := start(t, f, "echo started", nil)
	l := s.stream(hour, other, over, stale)
	for _, one := range []Session{other, over, stale} {
		s.revoke(l, one, hour)
		require.Equal(t, released{one.ID, one.Epoch}, await(t, "ack", f.acks))
	}
	none(t, "a start", f.said)
	none(t, "a report", f.reports)
}

func TestASessionThatIsMovedHereWaitsUntilItMayRun(t *testing.T) {
	t.Parallel()
	one, two := agent(1), agent(2)
	one.Labels, two.Labels = map[string]string{LabelHeld: "http://old"}, map[string]string{LabelHeld: "http://old"}
	f := newFleet(one, two)
	looks := make(chan struct{}, 1000)
	f.failing(func(op string) error {
		if op == "get" {
			looks <- struct{}{}
		}
		return nil
	})
	s := start(t, f, polite, func(c *Config) { c.MaxChildren = 1 })
	l := s.stream(hour, one, two)
	for range 4 {
		await(t, "a look", looks)
	}
	none(t, "a start", f.said)
	s.revoke(l, two, hour)
	require.Equal(t, "s2", await(t, "ack", f.acks).id)
	f.mu.Lock()
	free := f.sessions["s1"]
	free.Labels = nil
	f.sessions["s1"] = free
	f.mu.Unlock()
	s.says(KindOutput, "up")
}

func TestNoMoreChildrenThanThereIsRoom(t *testing.T) {
	t.Parallel()
	all := []Session{agent(1), agent(2), agent(3)}
	f := newFleet(all...)
	s := start(t, f, locked+"read l; echo done", func(c *Config) { c.MaxChildren = 1 })
	l := s.stream(hour, all...)
	for _, one := range all {
		f.input(one.ID, "go")
	}
	for range all {
		s.says(KindOutput, "done") // and no clash
	}
	for _, one := range all {
		s.revoke(l, one, hour)
		await(t, "ack", f.acks)
	}
}

func TestWhoWaitsForRoomCanBeRevoked(t *testing.T) {
	t.Parallel()
	one, two := agent(1), agent(2)
	f := newFleet(one, two)
	s := start(t, f, polite, func(c *Config) { c.MaxChildren = 1 })
	l := s.stream(hour, one)
	s.says(KindOutput, "up")
	s.assign(l, two)
	s.revoke(l, two, hour)
	require.Equal(t, "s2", await(t, "ack", f.acks).id)
	none(t, "a second child", f.said)
}

func TestANodeWithoutMessagesIsRefused(t *testing.T) {
	t.Parallel()
	f := newFleet()
	f.identity.Routes = needed[:4]
	s := start(t, f, "true", nil)
	err := await(t, "the runner's end", s.ended)
	require.ErrorContains(t, err, "POST /v1/sessions/{id}/messages")
	require.ErrorContains(t, err, "version test")
}

func TestANodeThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet()
	var asked atomic.Int32
	f.failing(func(string) error {
		if asked.Add(1) < 3 {
			return errors.New("connection refused")
		}
		return nil
	})
	start(t, f, "true", nil).stream(hour)
	require.EqualValues(t, 3, asked.Load())
}

func TestAWorkspaceIsThereOrMade(t *testing.T) {
	t.Parallel()
	for policy, want := range map[Workspace]string{Existing: "is not there", Create: "", Ignore: ""} {
		one := agent(1)
		one.Workspace = t.TempDir() + "/a/b"
		f := newFleet(one)
		s := start(t, f, "pwd", func(c *Config) { c.Workspace, c.Restart = policy, Never })
		s.stream(hour, one)
		m := await(t, "a line", f.said)
		switch {
		case want != "":
			require.Equal(t, KindError, m.Kind)
			require.Contains(t, m.Text, want)
		case policy == Create:
			require.Equal(t, one.Workspace, m.Text)
		default:
			require.NotEqual(t, one.Workspace, m.Text)
		}
	}
}
