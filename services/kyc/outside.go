package kyc

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc/biometrics"
	"github.com/unwind-saga/unwind/services/kyc/mail"
	"github.com/unwind-saga/unwind/services/kyc/store"
)

// An Outside is an effect in somebody else's house: a provider's template, a
// mail. It is in no transaction of ours, so it is noted before and after.
type Outside struct {
	// Do makes the effect, under a key that the other side knows too, and
	// returns what is to be remembered of it.
	Do func(ctx context.Context) (result []byte, err error)
	// Undo takes back what was done. The result is nil where it is not known
	// whether there is something, and then the other side is asked by the key.
	Undo func(ctx context.Context, key string, result []byte) (found bool, err error)
}

// Perform makes an effect outside, once for each key.
func (o Office) Perform(ctx context.Context, key string, out Outside) ([]byte, error) {
	was, err := o.Store.Begin(ctx, key)
	if err != nil {
		return nil, Dead(fmt.Errorf("note the effect: %w", err))
	}
	if was.State == store.Done {
		return was.Result, nil
	}
	result, err := out.Do(ctx)
	// From here on it may be there, whatever becomes of the context.
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return nil, errors.Join(err, o.failed(ctx, key, out, agent.Class(err)))
	}
	first, err := o.Store.Done(ctx, key, result)
	if !errors.Is(err, store.ErrDead) {
		return first, err
	}
	// It was compensated while it was being made: nobody else will undo it.
	if _, err := out.Undo(ctx, key, result); err != nil {
		return nil, agent.Unknown(fmt.Errorf("undo an effect that came too late: %w", err))
	}
	return nil, agent.ErrDead
}

// failed takes back the note of an effect that failed. One whose end is unknown
// stays noted, for its compensation to find. If that has come and gone while the
// effect was being made, by a replica that is late, nobody else will look for it.
func (o Office) failed(ctx context.Context, key string, out Outside, class events.Class) error {
	if class != events.Unknown {
		return o.Store.Failed(ctx, key)
	}
	is, err := o.Store.Look(ctx, key)
	if err != nil || is.State != store.Dead {
		return err
	}
	_, err = out.Undo(ctx, key, nil)
	return err
}

// Compensate undoes an effect outside, and closes its key for ever.
func (o Office) Compensate(ctx context.Context, key string, out Outside) error {
	was, err := o.Store.BeginUndo(ctx, key)
	if err != nil {
		return fmt.Errorf("note the undoing: %w", err)
	}
	if was.State == "" || was.State == store.Dead {
		return agent.ErrNothingFound
	}
	found, err := out.Undo(ctx, key, was.Result)
	if err != nil {
		return err
	}
	found = found || was.Found
	return Found(found, o.Store.Undone(ctx, key, found))
}

// Failure reads the errors of the family's clients, which know nothing of
// sagas but say how they failed in its words.
func Failure(err error) error {
	if e, ok := errors.AsType[*biometrics.Error](err); ok {
		return &agent.Failure{Class: events.Class(e.Class), RetryAfter: e.RetryAfter, Code: code(e.Status), Err: err}
	}
	if e, ok := errors.AsType[*mail.Error](err); ok {
		return &agent.Failure{Class: events.Class(e.Class), Code: code(e.Code), Err: err}
	}
	return err
}

func code(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("status_%d", status)
}
