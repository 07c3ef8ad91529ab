package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// slack is how long a call may take to notice that its time is up.
const slack = time.Second

// errStopped: the process goes down while a call runs. What the call did is
// for whoever gets the message next.
var errStopped = errors.New("the agent is stopping")

// A panicked call is an error with its stack.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// call runs a handler's function within the timeout. The function may ignore
// its context; the caller does not wait for it much longer than promised.
func call[T any](ctx context.Context, timeout time.Duration, f func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if v := recover(); v != nil {
				a.err = &panicked{v, debug.Stack()}
			}
			answers <- a
		}()
		if a.value, a.err = f(limited); a.err != nil {
			_ = a.err.Error() // one that panics does so here
		}
	}()
	late := make(<-chan time.Time)
	done := limited.Done()
	for {
		select {
		case a := <-answers:
			if a.err != nil && ctx.Err() != nil {
				a.err = errStopped
			}
			return a.value, a.err
		case <-done:
			done, late = nil, time.After(slack)
		case <-late:
			if ctx.Err() != nil {
				return *new(T), errStopped
			}
			return *new(T), fmt.Errorf("the call goes on after its timeout of %s: %w", timeout, context.DeadlineExceeded)
		}
	}
}

// work is what a successful call left for the history: a result, or what it
// waits for.
type work struct {
	result, undo json.RawMessage
	ref          *events.Ref // instead of a result that is on the shelf
	wait         *events.Wait
}

// perform calls the author's function and reads its answer. The setback is nil
// when it worked; the error is not nil when the agent is stopping.
func (r *runner) perform(ctx context.Context, t Task, why events.Cause, l *slog.Logger) (work, *saga.Setback, error) {
	t.Left = r.cfg.Timeout
	if !t.Deadline.IsZero() {
		t.Left = max(0, min(t.Left, time.Until(t.Deadline)))
	}
	calling, returned := r.audience.called(ctx, Call{
		Who: r.who(), Saga: t.ID, Attempt: t.Attempt, Cause: why, Key: t.Key,
	})
	w, err := call(calling, r.cfg.Timeout, func(ctx context.Context) (work, error) {
		if len(t.Refs) > 0 {
			t.load = func(ref events.Ref) (json.RawMessage, error) { return r.log.Get(ctx, t.Type, ref) }
		}
		res, err := r.handler.Perform(ctx, t)
		if err != nil {
			return work{}, err
		}
		return r.read(res)
	})
	if err == nil {
		w, err = r.shelve(calling, w)
	}
	returned(ending(err, w.wait != nil))
	if err == nil || errors.Is(err, errStopped) {
		return w, nil, err
	}
	if p, ok := errors.AsType[*panicked](err); ok {
		l.ErrorContext(calling, "the handler panicked", "panic", p.value, "stack", string(p.stack))
	}
	b := setback(err)
	return work{}, &b, nil
}

// ending is how a call ended, as observers are told.
func ending(err error, waits bool) Returned {
	switch {
	case err == nil && waits:
		return Returned{How: CallWaits}
	case err == nil:
		return Returned{How: CallWorked}
	case errors.Is(err, ErrNothingFound):
		return Returned{How: CallNothing}
	case errors.Is(err, errStopped):
		return Returned{How: CallCutShort}
	}
	b := setback(err)
	return Returned{How: CallFailed, Class: b.Class, Code: b.Error.Code}
}

// A badResult is what a call returned that cannot be written. The call said
// that it worked, so something may be there.
type badResult struct {
	error
	raw []byte // the JSON that did not fit
}

// read checks a result against what may be written.
func (r *runner) read(res Result) (w work, err error) {
	if w.result, err = encode("result", res.Data); err != nil {
		return work{}, err
	}
	if w.undo, err = encode("undo token", res.Undo); err != nil {
		return work{}, err
	}
	if err := fits(w); err != nil {
		return work{}, err
	}
	if p := res.Pending; p != nil {
		if p.Within < 0 {
			return work{}, badResult{fmt.Errorf("it is pending within %s", p.Within), nil}
		}
		w.wait = &events.Wait{
			Agent: r.role.Agent, WaitsFor: cmp.Or(p.For, "an outcome from outside"), Person: p.Person, Question: p.Question,
			Within: events.Duration(p.Within), Undo: w.undo,
		}
		return w, nil
	}
	if err := r.cfg.ResultSchema.Validate(w.result); err != nil {
		return work{}, badResult{fmt.Errorf("the result does not fit result_schema: %w", err), w.result}
	}
	return w, nil
}

func encode(what string, v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		raw, _ := v.(json.RawMessage) // else there is no text of it
		return nil, badResult{fmt.Errorf("the %s is no JSON: %w", what, err), raw}
	}
	return b, nil
}

// compensate calls the author's function that undoes.
func (r *runner) compensate(ctx context.Context, u Undo, l *slog.Logger) (events.Found, error) {
	if r.undo == nil {
		return events.FoundNothing, nil
	}
	select {
	case r.rails.undos <- struct{}{}:
		defer func() { <-r.rails.undos }()
	case <-ctx.Done():
		return "", errStopped
	}
	ctx, returned := r.audience.called(ctx, Call{Who: r.who(), Saga: u.ID, Attempt: u.Attempt, Undoing: true, Key: u.Key})
	_, err := call(ctx, r.cfg.Timeout, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.undo(ctx, u) })
	returned(ending(err, false))
	var p *panicked
	switch {
	case errors.Is(err, ErrNothingFound):
		return events.FoundNothing, nil
	case errors.As(err, &p):
		l.ErrorContext(ctx, "the compensation handler panicked", "panic", p.value, "stack", string(p.stack))
		return "", err
	case err != nil:
		return "", err
	}
	return events.FoundUndone, nil
}
