package server

import "syscall"

// apart keeps a terminal's interrupt away from a server, and has the kernel kill it when this program is gone.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
