package barrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
)

// An Outside is an effect in somebody else's house: a charge, a mail. It is in
// no transaction of ours, so it is noted before and after, and both functions
// may be called again where nobody knows how the last call ended. The other side
// should be given the key, and do the work of one key once.
type Outside struct {
	// Perform makes the effect under t.Key.
	Perform func(ctx context.Context, t agent.Task) (agent.Result, error)
	// Undo takes back what was done under u.Of. The token is what Perform's
	// result had as Undo; it is absent where nobody knows whether there is
	// something, and then the other side is asked by the key.
	// [agent.ErrNothingFound] says that there is nothing.
	Undo func(ctx context.Context, u agent.Undo) error
}

// noteTime is how long noting what has happened outside may take. The call's own
// time may be over by then, and the note must be made all the same.
const noteTime = 10 * time.Second

// PerformOutside makes an [agent.Handler]'s Perform of an effect outside, which
// is made once for each key as far as the other side keeps keys too.
func (g *Gate[Tx]) PerformOutside(o Outside) func(context.Context, agent.Task) (agent.Result, error) {
	return func(ctx context.Context, t agent.Task) (agent.Result, error) {
		was, err := g.Begin(ctx, t.Key)
		if err != nil {
			return agent.Result{}, err
		}
		if was.State == Done {
			return was.answer()
		}
		r, err := o.Perform(ctx, t)
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
		defer cancel()
		if err != nil {
			return agent.Result{}, g.failed(noting, o, t, err)
		}
		first, err := g.Done(noting, t.Key, r)
		switch {
		case errors.Is(err, agent.ErrDead):
			return agent.Result{}, tooLate(noting, o, t, r)
		case err != nil:
			return agent.Result{}, agent.Unknown(fmt.Errorf("it was done, but not noted: %w", err))
		}
		return first, nil
	}
}

// failed takes back the note of an effect that failed. One whose end is unknown
// stays noted, for its compensation to find. If that has come while the effect
// was being made, by a replica that is late, nobody else will look for it again.
func (g *Gate[Tx]) failed(ctx context.Context, o Outside, t agent.Task, why error) error {
	if agent.Class(why) != events.Unknown {
		if err := g.Failed(ctx, t.Key); err != nil {
			return errors.Join(why, err)
		}
		return why
	}
	is, err := g.Look(ctx, t.Key)
	switch {
	case err != nil:
		return errors.Join(why, err)
	case is.State == Dead, is.State == Undoing:
		if err := tooLate(ctx, o, t, agent.Result{}); !errors.Is(err, agent.ErrDead) {
			return err
		}
	}
	return why // what is under way may still get there
}

// tooLate undoes an effect that was made while its key was compensated: whoever
// did that may have asked the other side before the effect was there.
func tooLate(ctx context.Context, o Outside, t agent.Task, r agent.Result) error {
	u := agent.Undo{
		Type: t.Type, ID: t.ID, Step: t.Step, Agent: t.Agent, Attempt: t.Attempt,
		Key: saga.UndoKey(t.Type, t.ID, t.Step, t.Agent), Of: t.Key,
	}
	var err error
	if u.Token, err = encode("undo token", r.Undo); err == nil {
		err = o.Undo(ctx, u)
	}
	if err != nil && !errors.Is(err, agent.ErrNothingFound) {
		return agent.Unknown(fmt.Errorf("undo an effect that came too late: %w", err))
	}
	return fmt.Errorf("do %s: %w", t.Key, agent.ErrDead)
}

// CompensateOutside makes a compensation that undoes an effect outside, and
// closes its key for ever. As with [Gate.Compensate], a token that the saga has
// for a key of which nothing is noted is [ErrForgotten].
func (g *Gate[Tx]) CompensateOutside(o Outside) func(context.Context, agent.Undo) error {
	return func(ctx context.Context, u agent.Undo) error {
		if len(u.Token) > 0 {
			is, err := g.Look(ctx, u.Of)
			if err == nil {
				err = forgotten(is)
			}
			if err != nil {
				return err
			}
		}
		was, err := g.BeginUndo(ctx, u.Of)
		if err != nil {
			return err
		}
		if was.State == "" || was.State == Dead {
			return found(was)
		}
		u.Token = was.Undo
		err = o.Undo(ctx, u)
		nothing := errors.Is(err, agent.ErrNothingFound)
		if err != nil && !nothing {
			return err
		}
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
		defer cancel()
		// That a repeated undoing finds nothing only says that it had worked.
		is := Note{Found: !nothing || was.Found}
		if err := g.Undone(noting, u.Of, is.Found); err != nil {
			return fmt.Errorf("it was undone, but not noted: %w", err)
		}
		return found(is)
	}
}

// forgotten is the error of a saga that knows more than we do.
func forgotten(is Note) error {
	if is.State != "" {
		return nil
	}
	return fmt.Errorf("%w\nhint: is this the database in which it was done?", ErrForgotten)
}
