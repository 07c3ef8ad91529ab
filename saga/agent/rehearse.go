package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/config"
)

// An Outcome is what came of one call, in the words of a history. One of its
// fields is set, or none where the step was skipped.
type Outcome struct {
	Done    *Work
	Pending *events.Wait
	Failed  *saga.Setback
	Skipped bool // the condition does not hold; nothing was called
}

// Work is what a call that worked returned, as it would be written.
type Work struct {
	Result json.RawMessage // whatever its size
	Undo   json.RawMessage
}

// A Rehearsal calls an agent's functions as [Run] does, with the timeout, the
// condition, the schemas and the reading of errors that the configuration has, and
// tells what would have been written. Nothing is: there is no log, and no task but
// those that it is given. Guard rails are not at work.
type Rehearsal struct {
	r     *runner
	shelf events.Shelf
}

// Rehearse prepares a rehearsal. The shelf is where the tasks' large results are;
// nil if there are none. The logger may be nil.
func Rehearse(cfg config.Config, h Handler, shelf events.Shelf, logger *slog.Logger) (*Rehearsal, error) {
	logger = cmp.Or(logger, slog.New(slog.DiscardHandler))
	r, err := Options{Logger: logger, Instance: cfg.Agent + "@rehearsal", Layers: AllLayers}.runner(nil, cfg, h)
	if err != nil {
		return nil, err
	}
	return &Rehearsal{r, shelf}, nil
}

// Perform makes one call of the step. The error is not nil when ctx ended first.
func (h *Rehearsal) Perform(ctx context.Context, t Task) (Outcome, error) {
	shelf := &dry{shelf: h.shelf}
	r := *h.r
	r.log = shelf
	a := attempt{input: events.Context{Task: t.Payload, Results: t.Results, Refs: t.Refs, Deadline: t.Deadline}}
	holds, back, err := r.holds(ctx, a)
	switch {
	case err != nil:
		return Outcome{}, err
	case back != nil:
		return Outcome{Failed: back}, nil
	case !holds:
		return Outcome{Skipped: true}, nil
	}
	w, back, err := r.perform(ctx, t, events.CauseTask, r.logger)
	switch {
	case err != nil:
		return Outcome{}, err
	case back != nil:
		if r.role.NeverRefuses && back.Class == events.Refused {
			back.Class = events.Unavailable // as it is decided and written
		}
		return Outcome{Failed: back}, nil
	case w.wait != nil:
		return Outcome{Pending: w.wait}, nil
	case w.ref != nil:
		return Outcome{Done: &Work{Result: shelf.kept, Undo: w.undo}}, nil
	default:
		return Outcome{Done: &Work{Result: w.result, Undo: w.undo}}, nil
	}
}

// Undo makes one call of the compensation that the configuration names, and says
// what it found, or why it failed. The error is not nil when ctx ended first.
func (h *Rehearsal) Undo(ctx context.Context, u Undo) (events.Found, *events.Error, error) {
	found, err := h.r.compensate(ctx, u, h.r.logger)
	switch {
	case ctx.Err() != nil && err != nil:
		return "", nil, err
	case err != nil:
		failed := setback(err).Error
		return "", &failed, nil
	default:
		return found, nil, nil
	}
}

// dry is the log of one call: it has the large results of its task, and keeps the
// one that comes of it. What else a log can do is never asked of it.
type dry struct {
	events.Log
	shelf events.Shelf
	kept  json.RawMessage
}

func (d *dry) Get(ctx context.Context, typ string, r events.Ref) ([]byte, error) {
	if d.shelf == nil {
		return nil, events.ErrNoObject
	}
	return d.shelf.Get(ctx, typ, r)
}

func (d *dry) Put(_ context.Context, _ string, data []byte) (events.Ref, error) {
	d.kept = data
	return events.RefOf(data), nil
}
