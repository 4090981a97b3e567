package leash

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Main is the whole life of a leash: args are the command, its program first. It returns the process's exit code.
func Main(args []string) int {
	runtime.LockOSThread() // the kernel kills the command when the thread that started it ends
	// Caught and dropped, and not ignored: what is ignored stays so in the command. A service manager tells all processes of a service to
	// end; the leash is to outlive the command.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	syscall.CloseOnExec(ordersFD)
	syscall.CloseOnExec(reportFD)
	report := os.NewFile(reportFD, "report")
	if len(args) == 0 || report == nil {
		fmt.Fprintln(os.Stderr, "orchestrator: "+Word+" is how `orchestrator run` starts a command; it is not for people")
		return 2
	}
	r := hold(args, readOrders())
	if _, err := report.WriteString(reportEnd(r)); err != nil {
		return 1 // the keeper is gone
	}
	return 0
}

// readOrders returns the keeper's orders; the channel is closed at their end.
func readOrders() <-chan order {
	orders := make(chan order)
	go func() {
		defer close(orders)
		lines := bufio.NewScanner(os.NewFile(ordersFD, "orders"))
		for lines.Scan() {
			o, err := parseOrder(lines.Text())
			if err != nil {
				return // a keeper that is not understood is none
			}
			orders <- o
		}
	}()
	return orders
}

// hold runs the command until it and everything that it started are gone.
func hold(args []string, orders <-chan order) Result {
	var t times
	first, ok := <-orders
	if !ok {
		return Result{Err: fmt.Errorf("nobody said until when to run %s", args[0])}
	}
	if t.take(first, time.Now(), timeOf); !time.Now().Before(t.kill) {
		return Result{Err: fmt.Errorf("the time of %s was over before it was started", args[0]), Told: true}
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return Result{Err: fmt.Errorf("become a subreaper: %w", err)}
	}
	tr, err := grow(args)
	if err != nil {
		return Result{Err: fmt.Errorf("start %s: %w", args[0], err)}
	}
	letGo()
	return tr.watch(&t, orders)
}

// watch carries the orders out until the tree is gone.
func (tr *tree) watch(t *times, orders <-chan order) Result {
	for {
		kill, when := t.next()
		timer := time.NewTimer(time.Until(when))
		select {
		case o, ok := <-orders:
			if ok {
				t.take(o, time.Now(), timeOf)
				break
			}
			t.told = true
			tr.fell()
			return tr.result(t.told)
		case <-tr.ended: // what it left behind goes too
			tr.fell()
			return tr.result(t.told)
		case <-timer.C:
			t.told = true
			if kill {
				tr.fell()
				return tr.result(t.told)
			}
			tr.tell()
		}
		timer.Stop()
	}
}

// letGo gives up the command's streams, whose ends the keeper waits for.
func letGo() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	for fd := range 3 {
		if err == nil {
			err = unix.Dup3(null, fd, 0)
		}
		if err != nil {
			_ = unix.Close(fd)
		}
	}
}
