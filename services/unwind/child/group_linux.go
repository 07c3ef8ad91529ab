package child

import "syscall"

// OwnGroup makes a process the leader of its group. Pdeathsig ends it when this
// program is killed and can end nobody any more.
func OwnGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
