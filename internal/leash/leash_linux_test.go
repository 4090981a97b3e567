package leash

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	hour  = time.Hour
	limit = 30 * time.Second // for what is meant to happen at once, on a busy machine
)

func in(d time.Duration) Limits { return Limits{Term: time.Now().Add(d), Kill: time.Now().Add(d)} }

// run starts a shell script on a leash, which must be gone with the test.
func run(t *testing.T, script string, l Limits) *Process {
	t.Helper()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script, "agent"}, Env: os.Environ(), Dir: t.TempDir()}, l)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Kill()
		p.Wait()
		for _, f := range []*os.File{p.In, p.Out, p.Err} {
			_ = f.Close()
		}
	})
	return p
}

// says reads the next line of what the command writes.
func says(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, want+"\n", line)
}

func awaitEnd(t *testing.T, p *Process) Result {
	t.Helper()
	select {
	case <-p.Ended():
	case <-time.After(limit):
		t.Fatal("the tree is not gone")
	}
	return p.Wait()
}

func TestACommandRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", `read l; echo "$0 $1 $l $WHO $PWD"; echo no >&2; exit 7`, "a b", "c"},
		Env: []string{"WHO=me"}, Dir: dir}, in(hour))
	require.NoError(t, err)
	_, err = p.In.WriteString("line\n")
	require.NoError(t, err)
	out, err := io.ReadAll(p.Out)
	require.NoError(t, err)
	errs, err := io.ReadAll(p.Err)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("a b c line me %s\n", dir), string(out))
	require.Equal(t, "no\n", string(errs))
	require.Equal(t, Result{Code: 7}, awaitEnd(t, p))
	for _, f := range []*os.File{p.In, p.Out, p.Err} {
		require.NoError(t, f.Close())
	}
	p.Stop(time.Now()) // nobody is there to hear it
	p.Kill()
}

func TestSignalsAreReportedAsShellsDo(t *testing.T) {
	t.Parallel()
	p := run(t, "kill -USR1 $$", in(hour))
	require.Equal(t, Result{Code: 128 + int(unix.SIGUSR1), Signal: int(unix.SIGUSR1)}, awaitEnd(t, p))
}

func TestWhatCannotBeStartedIsTold(t *testing.T) {
	t.Parallel()
	p, err := Start(Command{Path: "/nowhere/agent"}, in(hour))
	require.NoError(t, err)
	r := awaitEnd(t, p)
	require.ErrorContains(t, r.Err, "/nowhere/agent: no such file")
	for _, f := range []*os.File{p.In, p.Out, p.Err} {
		require.NoError(t, f.Close())
	}
	_, err = Start(Command{Path: "/bin/true", Dir: "/nowhere"}, in(hour))
	require.Error(t, err)
}

func TestACommandEndsPolitely(t *testing.T) {
	t.Parallel()
	p := run(t, `trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done`, in(hour))
	out := bufio.NewReader(p.Out)
	says(t, out, "up")
	p.Stop(time.Now().Add(hour))
	says(t, out, "bye")
	require.Equal(t, Result{Code: 3, Told: true}, awaitEnd(t, p))
}

func TestTheDefaultOfSIGTERMIsTheCommandsOwn(t *testing.T) {
	t.Parallel()
	p := run(t, `echo up; exec sleep 1000`, in(hour))
	says(t, bufio.NewReader(p.Out), "up")
	p.Stop(time.Now().Add(hour))
	require.Equal(t, Result{Code: 143, Signal: int(unix.SIGTERM), Told: true}, awaitEnd(t, p))
}

func TestAGroupThatWasStoppedHearsIt(t *testing.T) {
	t.Parallel()
	p := run(t, `trap 'exit 4' TERM; echo up; kill -STOP $$; while :; do sleep 0.01; done`, in(hour))
	says(t, bufio.NewReader(p.Out), "up")
	p.Stop(time.Now().Add(hour))
	require.Equal(t, Result{Code: 4, Told: true}, awaitEnd(t, p))
}

func TestWhoDoesNotListenIsKilled(t *testing.T) {
	t.Parallel()
	p := run(t, `trap '' TERM; echo up; while :; do sleep 1; done`, in(hour))
	says(t, bufio.NewReader(p.Out), "up")
	p.Stop(time.Now().Add(50 * time.Millisecond))
	require.Equal(t, Result{Code: 137, Signal: 9, Told: true}, awaitEnd(t, p))
}

// Descendants in groups and sessions of their own, whose parents are gone, and which do not listen.
const scattered = `trap '' TERM; set -m
sleep 1000 &
setsid sh -c 'trap "" TERM; (setsid sleep 1000 &); sleep 1000' &
(setsid setsid sleep 1000 &)
`

func TestNothingOfATreeIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		act    func(*Process)
		want   Result
	}{
		"it ends by itself": {scattered + "echo up; exit 5", func(*Process) {}, Result{Code: 5}},
		"stop":              {scattered + "echo up; wait; sleep 1000", func(p *Process) { p.Stop(time.Now().Add(20 * time.Millisecond)) }, Result{Code: 137, Signal: 9, Told: true}},
		"kill":              {scattered + "echo up; wait; sleep 1000", (*Process).Kill, Result{Code: 137, Signal: 9, Told: true}},
		"time":              {scattered + "echo up; wait; sleep 1000", func(p *Process) { p.Until(in(0)) }, Result{Code: 137, Signal: 9, Told: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := run(t, c.script, in(hour))
			out := bufio.NewReader(p.Out)
			says(t, out, "up")
			c.act(p)
			_, err := out.ReadByte() // every process holds the other end
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, c.want, awaitEnd(t, p))
		})
	}
}

func TestTimeIsPutOffAndPasses(t *testing.T) {
	t.Parallel()
	p := run(t, `trap 'echo told; exit 6' TERM; echo up; while read l; do echo "$l"; done; while :; do sleep 0.01; done`, in(5*time.Second))
	began := time.Now()
	out := bufio.NewReader(p.Out)
	says(t, out, "up")
	p.Until(in(hour))
	time.Sleep(time.Until(began.Add(5200 * time.Millisecond))) // past the first limit, which is the thing tested
	_, err := p.In.WriteString("alive\n")
	require.NoError(t, err)
	says(t, out, "alive")
	require.NoError(t, p.In.Close())
	p.Until(Limits{Term: time.Now(), Kill: time.Now().Add(hour)})
	says(t, out, "told")
	require.Equal(t, Result{Code: 6, Told: true}, awaitEnd(t, p))
}

func TestWhoseTimeIsOverIsNotStarted(t *testing.T) {
	t.Parallel()
	p := run(t, "echo up", in(-time.Second))
	r := awaitEnd(t, p)
	require.ErrorContains(t, r.Err, "was over")
	require.True(t, r.Told)
	out, err := io.ReadAll(p.Out)
	require.NoError(t, err)
	require.Empty(t, out)
}

// A stop that comes while the leash begins is obeyed as any other.
func TestStoppedInTheMiddleOfAStart(t *testing.T) {
	t.Parallel()
	for range 20 {
		p := run(t, "exec sleep 1000", in(hour))
		p.Stop(time.Now().Add(time.Minute))
		r := awaitEnd(t, p)
		require.True(t, r.Told)
		require.Equal(t, int(unix.SIGTERM), r.Signal)
	}
}

// keep is a keeper in a process of its own: it starts a script and does nothing more.
func keep(script string) {
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ()}, in(12*time.Second))
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(os.Stdout, p.Out)
	fmt.Println("ended", p.Wait())
	os.Exit(0)
}

// The keeper is killed, or stopped, and the tree goes by itself. Every process of it holds a pipe whose end tells that all are gone.
func TestATreeDoesNotOutliveItsKeeper(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		within time.Duration
	}{
		"killed":  {syscall.SIGKILL, 8 * time.Second}, // long before its time is over
		"stopped": {syscall.SIGSTOP, limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "alive")
			require.NoError(t, unix.Mkfifo(fifo, 0o600))
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), asKeeper+"=exec 9>"+fifo+"; "+scattered+"echo up >&9; wait; sleep 1000")
			require.NoError(t, cmd.Start())
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			alive, err := os.Open(fifo)
			require.NoError(t, err)
			defer alive.Close()
			lines := bufio.NewReader(alive)
			says(t, lines, "up")
			began := time.Now()
			require.NoError(t, cmd.Process.Signal(c.signal))
			rest, err := io.ReadAll(lines)
			require.NoError(t, err)
			require.Empty(t, rest)
			require.Less(t, time.Since(began), c.within)
		})
	}
}

func TestALostLeashTakesItsTreeAlong(t *testing.T) {
	t.Parallel()
	p := run(t, `set -m; sleep 1000 & sh -c 'trap "" TERM; sleep 1000; sleep 1000' & echo up; wait`, in(hour))
	out := bufio.NewReader(p.Out)
	says(t, out, "up")
	require.NoError(t, p.cmd.Process.Kill())
	_, err := out.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	r := awaitEnd(t, p)
	require.ErrorContains(t, r.Err, "lost")
	require.Equal(t, 137, r.Code)
}

// A command that stops its leash gains nothing by it.
func TestAStoppedLeashObeysAllTheSame(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*Process){
		"kill":              (*Process).Kill,
		"stop":              func(p *Process) { p.Stop(time.Now().Add(20 * time.Millisecond)) },
		"time":              func(p *Process) { p.Until(in(20 * time.Millisecond)) },
		"time, told before": func(p *Process) { p.Until(in(20 * time.Millisecond)); p.Stop(time.Now().Add(hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := run(t, scattered+`echo up; wait; sleep 1000`, in(hour))
			out := bufio.NewReader(p.Out)
			says(t, out, "up")
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
			act(p)
			require.Equal(t, Result{Code: 137, Signal: 9, Told: true}, awaitEnd(t, p))
			_, err := out.ReadByte()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestALeashThatIsStoppedAgainAndAgainIsKilled(t *testing.T) {
	t.Parallel()
	p := run(t, `trap '' TERM; echo up; while :; do kill -STOP $PPID; done`, in(hour))
	out := bufio.NewReader(p.Out)
	says(t, out, "up")
	p.Stop(time.Now())
	require.Equal(t, 137, awaitEnd(t, p).Code) // it may have come to its work in between
	_, err := out.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// A service manager tells every process of a service to end.
func TestALeashDoesNotEndWhenToldLikeAnyProcess(t *testing.T) {
	t.Parallel()
	p := run(t, `echo up; read l; echo "$l"`, in(hour))
	out := bufio.NewReader(p.Out)
	says(t, out, "up")
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		require.NoError(t, p.cmd.Process.Signal(s))
	}
	_, err := p.In.WriteString("still here\n")
	require.NoError(t, err)
	says(t, out, "still here")
	require.Equal(t, Result{}, awaitEnd(t, p))
}

func TestMainWithoutAKeeperSaysWhatItIs(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], Word)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "not for people")
}

func TestPending(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	pending := func() int {
		n, err := Pending(w)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, pending())
	_, err = w.WriteString("12345")
	require.NoError(t, err)
	require.Equal(t, 5, pending())
	_, err = io.ReadFull(r, make([]byte, 2))
	require.NoError(t, err)
	require.Equal(t, 3, pending())
	require.NoError(t, r.Close())
	require.Equal(t, 3, pending(), "what nobody will read any more still counts")
	require.NoError(t, w.Close())
	_, err = Pending(w)
	require.Error(t, err)
}

func TestStatIsReadWhateverAProgramIsCalled(t *testing.T) {
	t.Parallel()
	p, ok := parseStat([]byte("42 (a) Z 1 (b) c) S 7 42 9 0 -1 4194560"))
	require.True(t, ok)
	require.Equal(t, process{pid: 42, parent: 7, session: 9}, p)
	p, ok = parseStat([]byte("1 (x) Z 0 1 1 0"))
	require.True(t, ok && p.gone)
	for _, bad := range []string{"", "1", "1 (x", "1 x) S", ")(", "1 (x) S 1", "x (x) S 1 2 3", "1 (x) S a 2 3", "1 (x) S 1 2 c"} {
		_, ok := parseStat([]byte(bad))
		require.False(t, ok, bad)
	}
	me, found := os.Getpid(), false
	for _, p := range processes() {
		found = found || p.pid == me && p.parent == os.Getppid()
	}
	require.True(t, found)
	require.Equal(t, []int{2, 4, 3}, below(1, []process{{pid: 1}, {pid: 2, parent: 1}, {pid: 3, parent: 5}, {pid: 4, parent: 1}, {pid: 5, parent: 2, gone: true}, {pid: 6}}))
}

func TestInstantsAreNeverLater(t *testing.T) {
	t.Parallel()
	for range 1000 {
		at := time.Now().Add(time.Second)
		back := timeOf(instantOf(at))
		require.False(t, back.After(at))
		require.WithinDuration(t, at, back, 10*time.Second)
	}
	require.NotEmpty(t, strings.TrimSpace(Result{Signal: 9}.String()))
}
