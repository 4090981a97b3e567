package scratch

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// run is this test binary's own directory and the lock that says it lives.
type run struct {
	dir  string
	lock *lock
}

// current is made on first use and kept reachable until the end: a collected
// file would be closed and its lock dropped.
var current = sync.OnceValues(newRun)

func newRun() (*run, error) {
	parent, err := stateDir("runs")
	if err != nil {
		return nil, err
	}
	// One at a time, so that no sweep meets a directory between its making and its locking.
	release, err := Gate("runs")
	if err != nil {
		return nil, err
	}
	defer release()
	sweep(parent)
	dir, err := os.MkdirTemp(parent, strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	l, err := tryLock(filepath.Join(dir, "lock"))
	return &run{dir: dir, lock: l}, err
}

// Run returns the directory of this test binary, which names the run as well:
// see [Alive].
func Run() (string, error) {
	r, err := current()
	if err != nil {
		return "", err
	}
	return r.dir, nil
}

// Dir makes a new directory whose name begins with name. It goes with [End],
// or with the next run if this one dies before.
func Dir(name string) (string, error) {
	dir, err := Run()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, name+"-")
}

// Alive reports whether the test binary that owns the run directory still
// lives; one that is gone has no owner.
func Alive(dir string) bool {
	if _, err := os.Stat(dir); err != nil {
		return false
	}
	l, err := tryLock(filepath.Join(dir, "lock"))
	if err != nil {
		return true
	}
	l.release()
	return false
}

// End removes this test binary's directory and all in it, as its last act.
func End() {
	r, err := current()
	if err != nil {
		return
	}
	_ = os.RemoveAll(r.dir)
	r.lock.release()
}

// sweep removes the directories of test binaries that died without clearing up.
func sweep(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if dir := filepath.Join(parent, e.Name()); !Alive(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}
