//go:build unix && !linux

package child

import "syscall"

// OwnGroup makes a process the leader of its group.
func OwnGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
