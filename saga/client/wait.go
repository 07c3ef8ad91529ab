package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// moment is how long whoever follows a step may take before a saga that waits on
// another branch counts as at rest.
const moment = 2 * time.Second

// errOver ends a subscription.
var errOver = errors.New("nothing more is to happen")

// Wait follows a saga until it ended, or until nothing goes on without a person
// (see [AtRest]). A saga that was not submitted yet is waited for. When ctx is
// done first, the state so far comes with the context's error; it is nil when
// nothing was heard of the saga.
func Wait(ctx context.Context, log events.Log, typ, id string) (*saga.State, error) {
	return Watch(ctx, log, typ, id, nil)
}

// Watch is [Wait] that shows each event on its way, with what the saga is
// after it. An error of see ends it.
func Watch(ctx context.Context, log events.Log, typ, id string, see func(events.Event, *saga.State) error) (*saga.State, error) {
	attempt := fmt.Sprintf("wait for saga %s/%s", typ, id)
	if err := errors.Join(events.ValidName("saga type", typ), events.ValidID(id)); err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, err)
	}
	// A saga may have been at rest before, until a person asked for more: it
	// counts only from what is there now.
	past, err := log.History(ctx, typ, id, 0)
	if errors.Is(err, events.ErrNoType) {
		return nil, noType(ctx, log, attempt)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", attempt, err)
	}
	following, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var rest *time.Timer
	var history []events.Event
	var state *saga.State
	err = log.Follow(following, typ, id, 0, func(e events.Event) (err error) {
		if rest != nil {
			rest.Stop()
		}
		history = append(history, e)
		if state, err = saga.Fold(history); err != nil {
			return err
		}
		if see != nil {
			if err := see(e, state); err != nil {
				return err
			}
		}
		switch {
		case len(history) < len(past) || !AtRest(state):
		case loose(state):
			rest = time.AfterFunc(moment, func() { stop(errOver) })
		default:
			return errOver
		}
		return nil
	})
	switch {
	case errors.Is(err, errOver), err == nil && errors.Is(context.Cause(following), errOver):
		return state, nil
	case err == nil:
		err = ctx.Err()
	}
	return state, fmt.Errorf("%s: %w", attempt, err)
}

// AtRest reports whether a saga ended, or nothing goes on in it without a
// person: it is stuck, or each step that is not done waits for a person. A step
// that waits for a program outside is not at rest.
//
// A history does not name the steps that are still to come. So a saga that waits
// on one branch counts as at rest although, on another one, the agent that
// follows may only be slow; [Wait] gives it a moment.
func AtRest(s *saga.State) bool {
	switch {
	case s.Ended():
		return true
	case !s.Turned():
		return needsPerson(s)
	case s.Status() != saga.Stuck || len(s.Advance(s.Time).Events) > 0:
		return false
	}
	return !slices.ContainsFunc(s.Steps, func(st *saga.Step) bool {
		return goesOn(st) || slices.ContainsFunc(st.Undos, func(u *saga.Undo) bool {
			return u.Outstanding() && !u.Stuck()
		})
	})
}

// needsPerson reports whether a saga that goes forward waits for persons alone.
func needsPerson(s *saga.State) bool {
	asked := false
	for _, st := range s.Steps {
		switch {
		case st.Done != nil:
		case s.Stranded(st), s.Waits(st) && st.Last().Wait.Person:
			asked = true
		default:
			return false
		}
	}
	return asked
}

// loose reports whether a step is done that nobody has followed yet, in a saga
// that goes forward: somebody may be about to.
func loose(s *saga.State) bool {
	return !s.Turned() && !s.Ended() && slices.ContainsFunc(s.Steps, func(st *saga.Step) bool {
		return st.Done != nil && !slices.ContainsFunc(s.Steps, func(f *saga.Step) bool { return slices.Contains(f.After, st.Name) })
	})
}

// goesOn reports whether somebody is at a step of a saga that turned. Whoever
// met the latch with its work done undoes it unasked; if it had to give that up,
// its attempt is without an outcome for ever, and nobody is at it.
func goesOn(st *saga.Step) bool {
	if !st.Working() {
		return false
	}
	u := st.Undo(st.Last().Claim.Agent)
	return u == nil || !u.Stuck()
}
