package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// ErrNoResult says that the step has not answered, or was skipped.
var ErrNoResult = errors.New("there is no result")

// Result reads what a step of a saga answered, from the history or from the
// shelf. A step that has no result is [ErrNoResult]; one whose result was
// removed from the shelf is [events.ErrNoObject]. A step that was undone still
// has its result.
func Result(ctx context.Context, log events.Log, typ, id, step string) (json.RawMessage, error) {
	s, _, err := Load(ctx, log, typ, id, 0)
	if err != nil {
		return nil, err
	}
	data, ref, err := ResultOf(s, step)
	if err != nil || ref == nil {
		return data, err
	}
	return log.Get(ctx, typ, *ref)
}

// ResultOf finds in a saga what a step answered: the result, or a reference to
// one that is on the shelf.
func ResultOf(s *saga.State, step string) (json.RawMessage, *events.Ref, error) {
	attempt := fmt.Sprintf("read result of step %q of saga %s/%s", step, s.Type, s.ID)
	switch st := s.Step(step); {
	case st == nil:
		return nil, nil, refuse(attempt, ErrNoResult, steps(s))
	case st.Done == nil:
		return nil, nil, refuse(attempt, ErrNoResult, fmt.Sprintf("the step is %s", st.Status(s)))
	case st.Done.Skipped:
		return nil, nil, refuse(attempt, ErrNoResult, "the step was skipped")
	case st.Done.Result == nil && st.Done.ResultRef == nil:
		return json.RawMessage("null"), nil, nil
	default:
		return st.Done.Result, st.Done.ResultRef, nil
	}
}
