package leash

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pending returns how many bytes that were written to a pipe were not read from it yet.
func Pending(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("leash: %w", err)
	}
	var n int
	var failed error
	if err := raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		return 0, fmt.Errorf("leash: %w", err)
	}
	if failed != nil {
		return 0, fmt.Errorf("leash: bytes in a pipe: %w", failed)
	}
	return n, nil
}
