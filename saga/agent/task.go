package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// accept judges a task before anything is begun.
func (r *runner) accept(task json.RawMessage) error {
	switch {
	case len(task) > events.MaxPayload:
		return fmt.Errorf("the task has %d bytes, %d are allowed", len(task), events.MaxPayload)
	case !json.Valid(task):
		return errors.New("the task is not JSON")
	}
	if err := r.cfg.TaskSchema.Validate(task); err != nil {
		return fmt.Errorf("the task does not fit task_schema: %w", err)
	}
	return nil
}

// reject says why the task is not acceptable, and turns the saga: it ends with
// nothing begun, and with the reason in its history. A saga that is committed, by
// another entry step, cannot turn any more. There the step fails, and a person
// has to bring it to its end.
func (r *runner) reject(ctx context.Context, a attempt, why error, l *slog.Logger) error {
	l.WarnContext(ctx, "task rejected", "reason", why)
	seq, err := r.append(ctx, events.Subject{Type: r.role.Type, Kind: events.Rejected, ID: a.id}, a.cause,
		events.Rejection{Agent: r.role.Agent, Error: events.Error{Code: "rejected", Message: text(why)}})
	if refusal, ok := errors.AsType[*events.Refusal](err); ok {
		seq = refusal.Seq
	} else if err != nil {
		return err
	}
	s, err := r.history(ctx, a.id, max(seq, a.cause.Seq))
	if err != nil {
		return err
	}
	if s.Committed == nil {
		return r.settle(ctx, s, a.cause)
	}
	if again, err := r.claim(ctx, &a); err != nil {
		return err
	} else if again > 0 {
		return r.judge(ctx, a.message, a.cause, a.id, again)
	}
	a.input.Committed = true
	return r.unfit(ctx, a, why)
}

// unfit says that an attempt failed because the task is not acceptable.
func (r *runner) unfit(ctx context.Context, a attempt, why error) error {
	return r.fail(ctx, a, saga.Setback{
		Class: events.Refused, Left: events.LeftNothing, Back: true,
		Error: events.Error{Code: "rejected", Message: text(why)},
	})
}
