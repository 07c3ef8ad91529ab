package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// holds judges the condition of a step that is claimed. The setback is not nil
// when it can't be evaluated, the error when the agent is stopping.
func (r *runner) holds(ctx context.Context, a attempt) (bool, *saga.Setback, error) {
	if r.cfg.When == nil {
		return true, nil, nil
	}
	results := maps.Clone(a.input.Results)
	for step, ref := range a.input.Refs {
		data, err := r.shelved(ctx, step, ref)
		switch {
		case err != nil && ctx.Err() != nil:
			return false, nil, errStopped
		case err != nil:
			return false, &saga.Setback{
				Class: events.Transient, Left: events.LeftNothing, Error: events.Error{Code: "not_loaded", Message: text(err)},
			}, nil
		}
		if results == nil {
			results = map[string]json.RawMessage{}
		}
		results[step] = data
	}
	holds, err := r.cfg.When.Holds(ctx, a.input.Task, results)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, nil, errStopped
	case err != nil:
		// No other try and no other agent would find it otherwise.
		return false, &saga.Setback{
			Class: events.Refused, Left: events.LeftNothing, Back: true,
			Error: events.Error{Code: "bad_condition", Message: "when: " + text(err)},
		}, nil
	}
	return holds, nil, nil
}

// shelved loads a result that was too large to come along, if the condition
// looks into it.
func (r *runner) shelved(ctx context.Context, step string, ref events.Ref) (json.RawMessage, error) {
	if !r.cfg.When.Needs(step) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	data, err := r.log.Get(ctx, r.role.Type, ref)
	if err != nil {
		return nil, fmt.Errorf("load the result of step %q: %w", step, err)
	}
	return data, nil
}

// skip says that the step is not to be performed.
//
// An attempt before this one may have been made under another configuration,
// without the condition. After skipped nobody asks for its effect any more, so
// it is undone before.
func (r *runner) skip(ctx context.Context, a attempt, l *slog.Logger) error {
	if a.step.MayHaveLeft(r.role.Agent) {
		s, err := r.history(ctx, a.id, a.claimed)
		if err != nil {
			return err
		}
		if s.Step(r.role.Step).Overtaken(a.n) {
			return errOvertaken
		}
		if err := r.clear(ctx, s); errors.Is(err, errStopped) {
			return err
		} else if err != nil {
			return r.fail(ctx, a, saga.Setback{
				Class: events.Unknown, Left: events.LeftUnknown, Back: true,
				Error: events.Error{Code: "not_cleared", Message: text(err)},
			})
		}
	}
	if err := r.held(ctx, a); err != nil {
		return err
	}
	l.InfoContext(ctx, "skipped: its condition does not hold")
	done := saga.Attach(events.Done{Agent: r.role.Agent, Attempt: a.n, After: a.after}, a.input)
	seq, err := r.append(ctx, r.slot(events.Skipped, a.id), a.cause, done)
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		return r.unskipped(ctx, a, refusal)
	}
	switch {
	case err != nil:
		return err
	case a.n > 1 || r.late(a):
		s, err := r.history(ctx, a.id, seq)
		if err != nil {
			return err
		}
		if last := s.Step(r.role.Step).Last(); a.n < last.N && last.Failure == nil && last.Wait == nil {
			return errOvertaken // whoever is at work sees the skip, and needs the message if it dies
		}
		return r.settle(ctx, s, a.cause) // who has said its outcome before will not look again
	case r.role.Final:
		return r.end(ctx, a, a.input)
	default:
		return nil
	}
}

// held lets go of a message that was held so long that somebody else may have
// it, if a later attempt was claimed. Under another configuration that one may
// be at work, and its effect is not to be undone, nor its step to be skipped.
func (r *runner) held(ctx context.Context, a attempt) error {
	if !r.late(a) {
		return nil
	}
	s, err := r.history(ctx, a.id, a.claimed)
	if err != nil {
		return err
	}
	if st := s.Step(r.role.Step); st != nil && st.Overtaken(a.n) {
		return errOvertaken
	}
	return nil
}

// late reports whether an attempt has been under way so long that it may have
// been taken over: what was held for less than half a lease nobody has.
func (r *runner) late(a attempt) bool { return time.Since(a.began) >= r.lease/2 }

// unskipped finds out why a step was not to be skipped. This attempt has left
// nothing, but a saga that turned waits until it says so.
func (r *runner) unskipped(ctx context.Context, a attempt, refusal *events.Refusal) error {
	s, err := r.history(ctx, a.id, max(refusal.Seq, a.claimed))
	if err != nil {
		return err
	}
	st := s.Step(r.role.Step)
	switch {
	case st == nil:
		return fmt.Errorf("append skipped of step %q to saga %s/%s: its claim is gone", r.role.Step, s.Type, s.ID)
	case st.Overtaken(a.n):
		return errOvertaken
	case st.Done != nil && !st.Working():
		return r.settle(ctx, s, a.cause)
	case s.Turned() || st.Done != nil:
		return r.undoNow(ctx, s, a.cause, nil)
	default:
		return fmt.Errorf("append skipped of step %q to saga %s/%s: it was refused, and the history does not say why yet", r.role.Step, s.Type, s.ID)
	}
}
