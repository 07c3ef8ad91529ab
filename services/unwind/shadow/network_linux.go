package shadow

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Alone starts a command in a network of its own, in which there is nobody.
func Alone(c *exec.Cmd) {
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	a := c.SysProcAttr
	a.Cloneflags |= syscall.CLONE_NEWNET
	if os.Geteuid() == 0 {
		return
	}
	// Who is not root may, if it is in a user namespace of its own; there it is who
	// it was.
	a.Cloneflags |= syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
}

// CanBeAlone says why a command can't be started so; nil if it can.
func CanBeAlone() error {
	c := exec.Command("true")
	Alone(c)
	if err := c.Run(); err != nil {
		return fmt.Errorf("a network of its own: %w", err)
	}
	return nil
}
