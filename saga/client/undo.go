package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Redo asks an agent to undo its work at a step again: after it gave up and the
// saga is stuck there, or after it undid it and something came too late. It can
// be asked nine times. by and reason stand in the history.
func Redo(ctx context.Context, log events.Log, typ, id, step, agent, by, reason string) error {
	attempt := fmt.Sprintf("undo step %q by agent %q of saga %s/%s again", step, agent, typ, id)
	for seq := uint64(0); ; {
		s, _, err := Load(ctx, log, typ, id, seq)
		if err != nil {
			return fmt.Errorf("%s: %w", attempt, err)
		}
		u, _, err := turned(s, attempt, step, agent)
		if err != nil {
			return err
		}
		if u == nil {
			return refuse(attempt, ErrNotAsked, "it is asked when the steps that followed this one are undone")
		}
		n := u.Redos + 1
		if n > events.MaxRedo {
			return refuse(attempt, ErrRedos, "undo it by hand, and say so with `unwind saga resolve`")
		}
		at := events.Subject{Type: typ, Step: step, Kind: events.Redo, N: n, Agent: agent, ID: id}
		_, err = say(ctx, log, at, by, events.Event{}, events.RedoOrder{By: by, Reason: reason})
		if refusal, ok := errors.AsType[*events.Refusal](err); ok {
			// Somebody asked at the same moment.
			if seq, err = upTo(ctx, seq, refusal); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", attempt, err)
		}
		return nil
	}
}

// Resolve says that a person undid an agent's work at a step by hand, or knows
// that there was nothing to undo. Then it asks those agents whose turn it is
// now, and ends the saga if this was the last thing in the way.
//
// It is for an agent that could not undo its work, and for one that was at work
// when the saga turned and will never come back.
func Resolve(ctx context.Context, log events.Log, typ, id, step, agent, by, reason string) error {
	attempt := fmt.Sprintf("resolve step %q of agent %q of saga %s/%s", step, agent, typ, id)
	s, _, err := Load(ctx, log, typ, id, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	u, st, err := turned(s, attempt, step, agent)
	switch {
	case err != nil:
		return err
	case u != nil && u.Done != nil:
		return refuse(attempt, ErrUndone, fmt.Sprintf("by %s", u.Done.By))
	case u == nil && (!st.Working() || st.Last().Claim.Agent != agent):
		return refuse(attempt, ErrNotAsked, "its turn comes when the steps that followed this one are undone")
	}
	at := events.Subject{Type: typ, Step: step, Kind: events.Compensated, Agent: agent, ID: id}
	e, err := say(ctx, log, at, by, events.Event{}, events.Undone{By: by, Reason: reason, Found: events.FoundUndone})
	if errors.Is(err, events.ErrTaken) {
		return refuse(attempt, ErrUndone, "it happened just now")
	}
	switch {
	case err != nil:
	case s.Turned():
		err = advance(ctx, log, typ, id, by, e)
	default: // the agent goes on, and has to hear of it
		err = set(ctx, log, []events.Timer{{
			Type: typ, To: agent, What: events.UndoTimer, N: len(u.Failures) + 1, ID: id, Due: s.Time, Seq: e.Seq,
		}})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	return nil
}

// turned finds what an agent owes at a step of a saga that turned, or that is
// committed and cannot hand the step on before it is undone. The undo is nil while
// it was not asked for.
func turned(s *saga.State, attempt, step, agent string) (*saga.Undo, *saga.Step, error) {
	st := s.Step(step)
	switch {
	case !s.Turned() && s.Ended():
		return nil, nil, refuse(attempt, ErrEnded, "it was completed, so nothing of it is to be undone")
	case !s.Turned() && !cleared(s, st, agent):
		return nil, nil, refuse(attempt, ErrForward, fmt.Sprintf("turn it first: `unwind saga cancel %s %s`", s.Type, s.ID))
	case st == nil:
		return nil, nil, refuse(attempt, ErrNotAsked, "no such step; "+steps(s))
	}
	return st.Undo(agent), st, nil
}

// cleared reports whether a saga that goes forward waits until an agent's work at a
// step is undone.
func cleared(s *saga.State, st *saga.Step, agent string) bool {
	if s.Committed == nil || st == nil || st.Done != nil {
		return false
	}
	u := st.Undo(agent)
	return u != nil && u.Done == nil && len(u.Failures) > 0
}
