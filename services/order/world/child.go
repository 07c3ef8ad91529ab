package world

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A child is a process that ends with this one, however that ends.
type child struct {
	log   string
	hold  *os.File // while it is open, the child runs
	ended chan struct{}
}

// keep runs a program beside a reader that waits for the end of our input, which
// comes when the last file on our side is closed: by stop, or by the kernel.
const keep = `exec 3<&0
"$@" 3<&- </dev/null & child=$!
{ while read -r _; do :; done; kill -TERM $child; } <&3 2>/dev/null & reader=$!
wait $child
kill $reader 2>/dev/null`

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
	shell := exec.Command("/bin/sh", append([]string{"-c", keep, "keep", program}, args...)...)
	shell.Stdin, shell.Stdout, shell.Stderr = theirs, said, said
	// A group of its own: an interrupt at the terminal is not for what outlives
	// the agents.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	c := &child{log: log, hold: ours, ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		_ = shell.Wait() // the shell's own end says nothing of the program's
	}()
	return c, nil
}

// answers waits until an address of the child's answers, whatever.
func (c *child) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(r); err == nil {
			return res.Body.Close()
		}
		select {
		case <-c.ended:
			return errors.New("it ended\nhint: look at " + c.log)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w\nhint: look at %s", url, ctx.Err(), c.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends it, and waits.
func (c *child) stop() {
	if c == nil {
		return
	}
	c.hold.Close()
	<-c.ended
}

// free is an address of loopback that nobody listens at. Its port is below those
// that systems give to outgoing connections: one of these would take it before the
// program that it is for has started.
func free() (addr string, err error) {
	for range 100 {
		l, taken := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000)))
		if taken != nil {
			err = taken
			continue
		}
		return l.Addr().String(), l.Close()
	}
	return "", fmt.Errorf("find a free port: %w", err)
}
