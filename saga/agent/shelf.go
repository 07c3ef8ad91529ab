package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// unstored is a result that the shelf does not take, and will not. The call
// said that it worked, so something may be there.
type unstored struct{ error }

// shelve stores a result that is too large to travel, before any event speaks
// of it. By now the effect is there, so while the shelf is away it is tried on
// for as long as the message is ours. If the agent stops meanwhile, the message
// comes again, and the handler answers the same under the same key.
func (r *runner) shelve(ctx context.Context, w work) (work, error) {
	if len(w.result) <= events.MaxInline || w.wait != nil {
		return w, nil
	}
	ref, err := r.log.Put(ctx, r.role.Type, w.result)
	switch {
	case err == nil:
		w.result, w.ref = nil, &ref
		return w, nil
	case ctx.Err() != nil:
		return work{}, errStopped
	default:
		return work{}, unstored{err}
	}
}

// fits checks what a call returned against what may be written.
func fits(w work) error {
	if len(w.result) > events.MaxResult {
		return badResult{fmt.Errorf("the result has %d bytes, %d are allowed", len(w.result), events.MaxResult), w.result}
	}
	size := len(w.undo)
	if len(w.result) <= events.MaxInline || w.wait != nil {
		size += len(w.result)
	}
	if size > events.MaxPayload {
		return badResult{fmt.Errorf("the undo token, and the result if it travels with it, have %d bytes, %d are allowed", size, events.MaxPayload), w.result}
	}
	return nil
}

// read gives the result of a step before this one, from wherever it is.
func (t Task) read(step string) (json.RawMessage, error) {
	if data, ok := t.Results[step]; ok {
		return data, nil
	}
	ref, ok := t.Refs[step]
	switch {
	case !ok:
		return nil, fmt.Errorf("result of step %q: saga %s/%s has none before step %q", step, t.Type, t.ID, t.Step)
	case t.load == nil:
		return nil, errors.New("the task was made by hand, and has no shelf")
	}
	return t.load(ref)
}
