package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

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
	var history []events.Event
	var state *saga.State
	err = log.Follow(ctx, typ, id, 0, func(e events.Event) (err error) {
		history = append(history, e)
		if state, err = saga.Fold(history); err != nil {
			return err
		}
		if see != nil {
			if err := see(e, state); err != nil {
				return err
			}
		}
		if len(history) >= len(past) && AtRest(state) {
			return errOver
		}
		return nil
	})
	switch {
	case errors.Is(err, errOver):
		return state, nil
	case err == nil:
		err = ctx.Err()
	}
	return state, fmt.Errorf("%s: %w", attempt, err)
}

// AtRest reports whether a saga ended, or is stuck and nothing goes on in it
// without a person.
func AtRest(s *saga.State) bool {
	if s.Ended() {
		return true
	}
	if s.Status() != saga.Stuck || len(s.Advance(s.Time).Events) > 0 {
		return false
	}
	return !slices.ContainsFunc(s.Steps, func(st *saga.Step) bool {
		return goesOn(st) || slices.ContainsFunc(st.Undos, func(u *saga.Undo) bool {
			return u.Outstanding() && !u.Stuck()
		})
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
