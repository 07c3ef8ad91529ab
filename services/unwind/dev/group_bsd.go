//go:build unix && !linux

package dev

import "syscall"

// ownGroup makes a process the leader of its group.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
