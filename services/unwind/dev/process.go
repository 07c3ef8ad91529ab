package dev

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

// A process is one that runs, or has ended.
type process struct {
	command *exec.Cmd
	output  *os.File
	read    chan struct{} // closed when all its output was read
}

// start begins a process that leads a group of its own. Each line that it
// prints goes to tell.
func start(command []string, folder string, env []string, tell func(string)) (*process, error) {
	output, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.Command(command[0], command[1:]...), output: output, read: make(chan struct{})}
	p.command.Dir, p.command.Env = folder, env
	p.command.Stdout, p.command.Stderr = w, w
	p.command.SysProcAttr = ownGroup()
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

func (p *process) id() int { return p.command.Process.Pid }

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

// wait waits until the process ended and says how. When ctx is done, it is
// asked to end, and made to after the grace. Whatever it started ends with it.
func (p *process) wait(ctx context.Context, grace time.Duration) string {
	ended := make(chan struct{})
	var stopper sync.WaitGroup
	stopper.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			_ = endGroup(p.id())
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			_ = killGroup(p.id())
		}
	})
	err := p.command.Wait()
	close(ended)
	stopper.Wait()
	_ = killGroup(p.id())
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

// onOneThread runs f on a thread that does nothing else, so that a process that
// f starts and waits for dies with this program and no sooner: the kernel ties
// it to the thread.
func onOneThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		f()
	}()
	<-done
}
