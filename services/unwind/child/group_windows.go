package child

import (
	"os"
	"syscall"
)

func OwnGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// EndGroup does nothing: there is no SIGTERM here, so the grace passes and then
// KillGroup ends the process.
func EndGroup(int) error { return nil }

// KillGroup ends the leader. What it started is not reached here.
func KillGroup(leader int) error {
	p, err := os.FindProcess(leader)
	if err != nil {
		return err
	}
	return p.Kill()
}
