package child

import "syscall"

// diesWithParent has the kernel kill a child whose test binary is gone.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
