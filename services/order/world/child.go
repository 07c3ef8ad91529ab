package world

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// A child is a process that ends with this one, however that ends.
type child struct {
	shell *exec.Cmd
	hold  *os.File // while it is open, the child runs
}

// keep runs a program beside a shell that waits for the end of its input, which
// comes when the last file on our side is closed: by stop, or by the kernel.
const keep = `"$@" & child=$!
while read -r _; do :; done
kill -TERM $child 2>/dev/null
wait $child`

// start starts a program, and writes what it says to the log.
func start(log, program string, args ...string) (*child, error) {
	said, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	c := &child{shell: exec.Command("/bin/sh", append([]string{"-c", keep, "keep", program}, args...)...), hold: ours}
	c.shell.Stdin, c.shell.Stdout, c.shell.Stderr = theirs, said, said
	// A group of its own: an interrupt at the terminal is not for what outlives
	// the agents.
	c.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.shell.Start(); err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

// stop ends it, and waits.
func (c *child) stop() {
	if c == nil || c.hold == nil {
		return
	}
	c.hold.Close()
	c.hold = nil
	_ = c.shell.Wait() // the shell's own end says nothing of the program's
}

// free is an address of loopback that nobody listens at.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
