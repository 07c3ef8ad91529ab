//go:build unix

package child

import (
	"errors"
	"syscall"
)

// EndGroup asks a process and all that it started to end.
func EndGroup(leader int) error { return signal(leader, syscall.SIGTERM) }

// KillGroup ends a process and all that it started.
func KillGroup(leader int) error { return signal(leader, syscall.SIGKILL) }

// signal reaches a whole group. That nobody is left in it is no error.
func signal(leader int, s syscall.Signal) error {
	if err := syscall.Kill(-leader, s); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
