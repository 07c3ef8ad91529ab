// Package child runs processes that leave nothing behind: each leads a group of its
// own, which ends with it, and dies when this program does.
//
//	child.OnOneThread(func() {
//		p, err := child.Start([]string{"python3", "agent.py"}, folder, os.Environ(), tell)
//		how := p.Wait(ctx, 10*time.Second)
//	})
package child

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// A Process is one that runs, or has ended.
type Process struct {
	command *exec.Cmd
	output  *os.File
	read    chan struct{} // closed when all its output was read
}

// Start begins a process that leads a group of its own. Each line that it
// prints goes to tell.
func Start(command []string, folder string, env []string, tell func(string)) (*Process, error) {
	output, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &Process{command: exec.Command(command[0], command[1:]...), output: output, read: make(chan struct{})}
	p.command.Dir, p.command.Env = folder, env
	p.command.Stdout, p.command.Stderr = w, w
	p.command.SysProcAttr = OwnGroup()
	err = p.command.Start()
	_ = w.Close()
	if err != nil {
		_ = output.Close()
		return nil, err
	}
	go func() {
		defer close(p.read)
		relay(output, tell)
	}()
	return p, nil
}

// ID is the process's, and its group's.
func (p *Process) ID() int { return p.command.Process.Pid }

// relay hands on lines; one that is very long, in parts.
func relay(from io.Reader, tell func(string)) {
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		line, _, err := r.ReadLine()
		if err != nil {
			return
		}
		tell(string(line))
	}
}

// Wait waits until the process ended and says how. When ctx is done, it is
// asked to end, and made to after the grace. Whatever it started ends with it.
func (p *Process) Wait(ctx context.Context, grace time.Duration) string {
	ended := make(chan struct{})
	var stopper sync.WaitGroup
	stopper.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			_ = EndGroup(p.ID())
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			_ = KillGroup(p.ID())
		}
	})
	err := p.command.Wait()
	close(ended)
	stopper.Wait()
	_ = KillGroup(p.ID())
	// Whoever left the group still has the other end of the pipe: that is no
	// reason to wait for them.
	_ = p.output.SetReadDeadline(time.Now().Add(time.Second))
	<-p.read
	_ = p.output.Close()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.String()
	}
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// OnOneThread runs f on a thread that does nothing else, so that a process that
// f starts and waits for dies with this program and no sooner: the kernel ties
// it to the thread.
func OnOneThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
	}()
	<-done
}
