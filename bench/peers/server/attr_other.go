//go:build !linux

package server

import "syscall"

// apart keeps a terminal's interrupt away from a server.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
