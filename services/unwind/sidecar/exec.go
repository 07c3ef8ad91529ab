package sidecar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/unwind/child"
)

// A starter is a program that is started for each call.
type starter struct {
	command []string
	folder  string
	env     []string
	logger  *slog.Logger
	wrap    func(*exec.Cmd) // may change how it is started; nil: nothing
}

func (s starter) ask(ctx context.Context, c call, data any) (a answer, text []byte, err error) {
	input, err := c.whole(data)
	if err != nil {
		return answer{}, nil, err
	}
	// Its death is tied to that of the thread that started it.
	child.OnOneThread(func() { text, err = s.run(ctx, c, input) })
	if err != nil {
		if a, ok, bad := enveloped(bytes.TrimSpace(text)); ok && ctx.Err() == nil {
			return a, text, bad
		}
		return answer{}, text, s.explain(ctx, err, text)
	}
	a, err = read(text)
	return a, text, err
}

func (s starter) run(ctx context.Context, c call, input []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Dir = s.folder
	cmd.Env = append(append([]string(nil), s.env...),
		"UNWIND_CALL="+c.Call, "UNWIND_IDEMPOTENCY_KEY="+c.Key, "UNWIND_ATTEMPT="+strconv.Itoa(c.Attempt),
		"UNWIND_SAGA_TYPE="+c.Type, "UNWIND_SAGA_ID="+c.ID)
	out := &bounded{most: largest}
	lines := &lineLog{logger: s.logger.With("saga", c.ID, "attempt", c.Attempt), ctx: ctx}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), out, lines
	cmd.SysProcAttr = child.OwnGroup()
	cmd.Cancel = func() error { return child.KillGroup(cmd.Process.Pid) }
	// Whoever it started may hold its output open; that is no reason to wait.
	cmd.WaitDelay = 500 * time.Millisecond
	if s.wrap != nil {
		s.wrap(cmd)
	}
	if err := cmd.Start(); err != nil {
		return nil, &notStarted{err}
	}
	err := cmd.Wait()
	_ = child.KillGroup(cmd.Process.Pid)
	lines.flush()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it ended well, and what it left running is gone now
	}
	if out.over {
		err = bad(out.kept.Bytes()[:events.MaxRaw], "it has more than %d bytes", out.most)
	}
	return out.kept.Bytes(), err
}

// notStarted is for a program that did nothing.
type notStarted struct{ error }

func (s starter) explain(ctx context.Context, err error, text []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why, ok := errors.AsType[*notStarted](err); ok {
		if errors.Is(why.error, syscall.EAGAIN) || errors.Is(why.error, syscall.ENOMEM) || errors.Is(why.error, syscall.EMFILE) {
			// The machine is at its limits; nothing was done.
			return &agent.Failure{Class: events.Transient, Code: "not_started", RetryAfter: soon, Err: fmt.Errorf("start the program %s: %w", s.command[0], err)}
		}
		return agent.Unavailable("not_there", fmt.Errorf("start the program %s: %w", s.command[0], err))
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case !ok:
		return err
	case exit.ExitCode() < 0, exit.ExitCode() > 128: // a signal, or a shell's word for one: nobody knows how far it came
		return &agent.Failure{Class: events.Unknown, Code: "killed", Err: fmt.Errorf("the program %s: %s", s.command[0], exit), Raw: text}
	default:
		return &agent.Failure{Class: events.Transient, Code: "exit_" + strconv.Itoa(exit.ExitCode()), Err: fmt.Errorf("the program %s: %s", s.command[0], exit), Raw: text}
	}
}

// bounded keeps so much of an output, and notices that there is more.
type bounded struct {
	kept bytes.Buffer // not embedded: it would read without a bound
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - b.kept.Len()
	b.over = b.over || len(p) > room
	b.kept.Write(p[:min(len(p), room)])
	return len(p), nil // it may go on, nobody listens
}

// lineLog logs what a program says, a line at a time.
type lineLog struct {
	logger *slog.Logger
	ctx    context.Context //nolint:containedctx // of the one call
	rest   []byte
	said   int
}

const (
	longest = 8 << 10 // of a line
	most    = 1000    // lines of a call
)

func (l *lineLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 && len(l.rest) < longest {
			return len(p), nil
		}
		var line []byte
		if end < 0 || end > longest {
			line, l.rest = l.rest[:longest], l.rest[longest:]
		} else {
			line, l.rest = l.rest[:end], l.rest[end+1:]
		}
		l.say(line)
	}
}

func (l *lineLog) flush() {
	if len(l.rest) > 0 {
		l.say(l.rest)
	}
}

func (l *lineLog) say(line []byte) {
	switch l.said++; {
	case l.said < most:
		l.logger.InfoContext(l.ctx, "the program says", "line", string(bytes.TrimRight(line, "\r")))
	case l.said == most:
		l.logger.WarnContext(l.ctx, "the program says too much, the rest of this call is left out")
	}
}

// environment is what a program is started with.
func environment() []string { return os.Environ() }
