package leash

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	obeyTime  = 2 * time.Second        // until a leash that must kill has reported the end; then it is killed itself
	urgeTime  = 100 * time.Millisecond // between two times that it is continued meanwhile
	orderTime = time.Second            // for one order; a leash that does not read acts on the last one that it has
)

// The leash's ends of the pipes, beside the command's standard streams.
const (
	ordersFD = 3
	reportFD = 4
)

// Check fails where Start would, whatever the command.
func Check() error {
	if _, err := os.Stat(self); err != nil {
		return fmt.Errorf("leash: %w", err)
	}
	return nil
}

// self is this program, though its file was replaced since the process was started: that one would speak of other orders.
const self = "/proc/self/exe"

// Process is a command on its leash.
type Process struct {
	Streams

	cmd    *exec.Cmd
	done   chan struct{}
	result Result

	mu     sync.Mutex
	orders *os.File    // nil: closed
	times  times       // what they come to
	due    *time.Timer // until everything must be gone by them
}

// Start starts the command, which runs once its leash has begun; where it cannot be started, Wait says so. The caller reads Out and Err and
// closes all three streams.
func Start(c Command, l Limits) (*Process, error) {
	var ends pipes
	defer ends.closeTheirs()
	in, out, errs := ends.to(), ends.from(), ends.from()
	orders, report := ends.to(), ends.from()
	if ends.err != nil {
		ends.closeOurs()
		return nil, fmt.Errorf("leash: %w", ends.err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{os.Args[0], Word, c.Path}, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in.theirs, out.theirs, errs.theirs
	cmd.ExtraFiles = []*os.File{orders.theirs, report.theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C is the keeper's alone
	p := &Process{Streams: Streams{in.ours, out.ours, errs.ours}, cmd: cmd, done: make(chan struct{}), orders: orders.ours}
	if err := cmd.Start(); err != nil {
		ends.closeOurs()
		return nil, fmt.Errorf("leash: %w", err)
	}
	p.due = time.AfterFunc(time.Until(l.Kill), p.urge)
	p.Until(l)
	go p.await(report.ours)
	return p, nil
}

// await takes the report in. A leash that is gone without one has left its command to the kernel, and the rest to us: its number is
// not given away while it was not waited for, and its session has that number.
func (p *Process) await(report *os.File) {
	line, err := bufio.NewReader(report).ReadString('\n')
	if err == nil {
		p.result, err = parseReport(line)
	}
	if err != nil {
		p.result = Result{Err: errors.New("the leash was lost, and its command killed"), Code: 128 + int(syscall.SIGKILL), Signal: int(syscall.SIGKILL),
			Told: p.isDue()}
		_ = p.cmd.Process.Kill()
		sweep(p.cmd.Process.Pid)
	}
	_ = p.cmd.Wait() // all that it could tell is in the report
	_ = report.Close()
	p.Kill()
	p.due.Stop()
	close(p.done)
}

// Until puts the moments off, or nearer.
func (p *Process) Until(l Limits) {
	p.order(order{term: instantOf(l.Term), kill: instantOf(l.Kill)})
}

// Stop tells the command to end, and kills everything at the moment given.
func (p *Process) Stop(kill time.Time) { p.order(order{stop: true, kill: instantOf(kill)}) }

// order gives an order that fits into the pipe, and drops one that does not: the leash acts on the last one that it has.
func (p *Process) order(o order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders == nil {
		return
	}
	p.times.take(o, time.Now(), timeOf)
	p.due.Reset(time.Until(p.times.last()))
	_ = p.orders.SetWriteDeadline(time.Now().Add(orderTime))
	_, _ = p.orders.WriteString(o.String())
}

// Kill kills everything at once and does not wait.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders == nil {
		return
	}
	_ = p.orders.Close()
	p.orders = nil
	p.due.Reset(0)
}

// urge sees to it that a leash does what is due, though somebody has stopped it: it is continued until it has reported the end, or has more time.
func (p *Process) urge() {
	for late := time.Now().Add(obeyTime); ; {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		select {
		case <-p.done:
			return
		case <-time.After(urgeTime):
		}
		if !p.isDue() {
			return
		}
		if time.Now().After(late) {
			_ = p.cmd.Process.Kill()
			return
		}
	}
}

// isDue reports whether everything must be gone.
func (p *Process) isDue() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.orders == nil || !time.Now().Before(p.times.last())
}

// Ended closes when every process of the tree is gone.
func (p *Process) Ended() <-chan struct{} { return p.done }

// Wait waits until every process of the tree is gone, and returns how the command ended.
func (p *Process) Wait() Result {
	<-p.done
	return p.result
}

// pipe is one of the pipes between keeper and leash.
type pipe struct{ ours, theirs *os.File }

// pipes are made together or not at all.
type pipes struct {
	all []pipe
	err error
}

func (p *pipes) to() pipe   { r, w := p.open(); return p.keep(w, r) }
func (p *pipes) from() pipe { r, w := p.open(); return p.keep(r, w) }

func (p *pipes) open() (r, w *os.File) {
	if p.err == nil {
		r, w, p.err = os.Pipe()
	}
	return r, w
}

func (p *pipes) keep(ours, theirs *os.File) pipe {
	one := pipe{ours, theirs}
	if p.err == nil {
		p.all = append(p.all, one)
	}
	return one
}

func (p *pipes) closeTheirs() {
	for _, one := range p.all {
		_ = one.theirs.Close()
	}
}

func (p *pipes) closeOurs() {
	for _, one := range p.all {
		_ = one.ours.Close()
	}
}
