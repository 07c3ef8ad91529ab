package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// The exit codes.
const (
	exitOK           = 0
	exitError        = 1
	exitUsage        = 2
	exitNotCompleted = 3
	exitNotFound     = 5
	exitTimeout      = 124
	exitInterrupted  = 130
)

// An exit is an error with its code. Without an error, what there is to say
// was said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// codeOf finds the exit code of an error of a command that ran.
func codeOf(ctx context.Context, err error) int {
	coded, ok := errors.AsType[*exit](err)
	switch {
	case err == nil:
		return exitOK
	case ok:
		return coded.code
	case errors.Is(context.Cause(ctx), errInterrupted):
		return exitInterrupted
	case errors.Is(err, client.ErrNoSaga), errors.Is(err, events.ErrNoType),
		errors.Is(err, client.ErrNoResult), errors.Is(err, events.ErrNoObject):
		return exitNotFound
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	default:
		return exitError
	}
}

// plain says in a person's words what a context says.
var plain = strings.NewReplacer("context deadline exceeded", "timed out", "context canceled", "interrupted")

// complain prints an error on one line, and its hints below.
func complain(w io.Writer, in ink.Ink, err error) {
	if coded, ok := errors.AsType[*exit](err); ok && coded.err == nil || errors.Is(err, errInterrupted) {
		return
	}
	text, hints := split(plain.Replace(err.Error()))
	first, rest, more := strings.Cut(text, "\n")
	fmt.Fprintf(w, "%s %s\n", in.Paint(ink.Bad, "error:"), first)
	if more {
		fmt.Fprintln(w, rest)
	}
	for _, hint := range hints {
		fmt.Fprintf(w, "%s %s\n", in.Paint(ink.Warn, "hint:"), hint)
	}
}

// split takes the hints out of an error's text, wherever it was wrapped.
func split(text string) (rest string, hints []string) {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if hint, ok := strings.CutPrefix(strings.TrimSpace(line), "hint: "); ok {
			hints = append(hints, hint)
		} else {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), hints
}
