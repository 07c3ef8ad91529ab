//go:build unix

package dev

import (
	"errors"
	"syscall"
)

// endGroup asks a process and all that it started to end.
func endGroup(leader int) error { return signal(leader, syscall.SIGTERM) }

// killGroup ends them.
func killGroup(leader int) error { return signal(leader, syscall.SIGKILL) }

// signal reaches a whole group. That nobody is left in it is no error.
func signal(leader int, s syscall.Signal) error {
	if err := syscall.Kill(-leader, s); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
