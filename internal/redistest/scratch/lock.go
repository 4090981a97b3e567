package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// lock is an advisory lock that the kernel drops when its holder dies.
type lock struct{ file *os.File }

// tryLock takes the lock at path, or fails at once if somebody holds it.
func tryLock(path string) (*lock, error) { return flock(path, syscall.LOCK_EX|syscall.LOCK_NB) }

func flock(path string, how int) (*lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close()))
	}
	return &lock{file: f}, nil
}

// release lets go. The file stays: were it removed, two holders could hold
// locks on two files of one name.
func (l *lock) release() { _ = l.file.Close() }

// Gate waits for the machine-wide lock of this name, by which test binaries do
// one at a time what they must not do at once, and returns its release.
func Gate(name string) (release func(), err error) {
	dir, err := stateDir("gates")
	if err != nil {
		return nil, err
	}
	l, err := flock(filepath.Join(dir, name), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}

// File returns the path of a file that all test binaries of this user share.
func File(name string) (string, error) {
	dir, err := stateDir("shared")
	return filepath.Join(dir, name), err
}

// stateDir makes and returns a directory shared by the test binaries of one user.
func stateDir(name string) (string, error) {
	dir := filepath.Join(os.TempDir(), "orchestrator-test-"+strconv.Itoa(os.Getuid()), name)
	return dir, os.MkdirAll(dir, 0o700)
}
