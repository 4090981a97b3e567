//go:build !linux

package child

import "syscall"

// diesWithParent keeps a terminal's interrupt away from children; systems
// without a parent-death signal rely on the tests that end them.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
