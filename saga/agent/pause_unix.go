//go:build unix

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// pause lets this process stand still, as a machine does that is short of memory
// or was put to sleep. It can't wake itself, so another one does, which is of no
// group of ours: who stops us must not stop it before.
func pause(d time.Duration) error {
	wake := exec.Command("sh", "-c", fmt.Sprintf("sleep %.3f; kill -CONT %d", d.Seconds(), os.Getpid()))
	wake.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := wake.Start(); err != nil {
		return err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	return wake.Wait()
}
