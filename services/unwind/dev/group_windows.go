package dev

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// endGroup does nothing: there is no SIGTERM here, so the grace passes and then
// killGroup ends the process.
func endGroup(int) error { return nil }

// killGroup ends the leader. What it started is not reached here.
func killGroup(leader int) error {
	p, err := os.FindProcess(leader)
	if err != nil {
		return err
	}
	return p.Kill()
}
