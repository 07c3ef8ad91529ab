package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Why a saga is not done again.
var (
	// ErrNotRerun: the saga or the step is not one that can be done again.
	ErrNotRerun = errors.New("it cannot be done again")
	// ErrGone: what would be taken over was undone.
	ErrGone = errors.New("what would be taken over was undone")
)

// Again says how a saga is done again.
type Again struct {
	From   string // the step to begin with; empty: from the beginning
	ID     string // of the new saga
	By     string
	Reason string

	// EvenUndone: results are taken over though the effects that they tell of were
	// undone when the old saga turned.
	EvenUndone bool
}

// PlanRerun says what [Rerun] would do, and why it would not.
func PlanRerun(ctx context.Context, log events.Log, typ, id string, a Again) (saga.Rerun, error) {
	attempt := fmt.Sprintf("run saga %s/%s again", typ, id)
	if err := events.ValidID(a.ID); err != nil {
		return saga.Rerun{}, fmt.Errorf("%s: %w", attempt, err)
	}
	s, _, err := Load(ctx, log, typ, id, 0)
	if err != nil {
		return saga.Rerun{}, fmt.Errorf("%s: %w", attempt, err)
	}
	r, err := s.RerunFrom(a.From, a.ID)
	if err != nil {
		hint := steps(s)
		if !s.Ended() {
			hint = fmt.Sprintf("wait until it has ended, or turn it: `unwind saga cancel %s %s`", typ, id)
		}
		return r, refuse(attempt, fmt.Errorf("%w: %w", ErrNotRerun, err), hint)
	}
	r.By, r.Reason = a.By, a.Reason
	var gone []string
	for i, t := range r.Taken {
		is, err := undone(ctx, log, typ, t)
		if err != nil {
			return r, fmt.Errorf("%s: %w", attempt, err)
		}
		if r.Taken[i].Undone = is; is {
			gone = append(gone, t.Step)
		}
	}
	if len(gone) > 0 && !a.EvenUndone {
		return r, refuse(attempt, ErrGone, fmt.Sprintf("the effects of %s are gone: run it again from the beginning, "+
			"or say that they are not needed any more (--even-undone)", strings.Join(gone, ", ")))
	}
	return r, nil
}

// undone reports whether the effect of a result is gone. One that was taken over
// before is looked for where it was made.
func undone(ctx context.Context, log events.Log, typ string, t saga.Taken) (bool, error) {
	for at := *t.Done.From; ; {
		s, _, err := Load(ctx, log, typ, at.Saga, 0)
		if err != nil {
			return false, err
		}
		st := s.Step(t.Step)
		if st == nil || st.Done == nil || st.Done.From == nil || st.Done.From.Seq >= at.Seq {
			return st.Undid(), nil
		}
		at = *st.Done.From
	}
}

// Rerun begins a new saga with the task of one that has ended, and returns what was
// done. With a step to begin with, the results of all that come before it are taken
// over: they are written as another saga's, nobody performs those steps, and if the
// new saga turns, nothing of them is undone.
//
// Whoever dies in the middle leaves a saga that waits, and turns at its deadline;
// the same call with the same id goes on with it. An id that stands for anything
// else is [ErrDuplicate].
func Rerun(ctx context.Context, log events.Log, typ, id string, a Again) (saga.Rerun, error) {
	r, err := PlanRerun(ctx, log, typ, id, a)
	if err != nil {
		return r, err
	}
	if err := write(ctx, log, r); err != nil {
		return r, fmt.Errorf("run saga %s/%s again as %s: %w", typ, id, r.ID, err)
	}
	// The old one says where it goes on. It may have been seen to before, or have
	// completed: then there is nothing to say.
	err = Dismiss(ctx, log, typ, id, events.Dismissal{By: a.By, Reason: a.Reason, As: events.Redriven, To: r.ID})
	if err != nil && !errors.Is(err, ErrDismissed) && !errors.Is(err, ErrEnded) {
		return r, fmt.Errorf("saga %s/%s runs, but saga %s does not say so: %w", typ, r.ID, id, err)
	}
	return r, nil
}

// write writes the new saga: claims, task, results. The order is what keeps agents
// that are running from doing anew what is taken over; see DESIGN.
func write(ctx context.Context, log events.Log, r saga.Rerun) error {
	at := writer{ctx: ctx, log: log, r: r}
	deadline := time.Time{}
	if len(r.Taken) > 0 {
		if err := set(ctx, log, []events.Timer{r.Clock(time.Now().Add(r.Within), 0)}); err != nil {
			return err
		}
		seq, err := at.all(r.Claims())
		if err != nil {
			return err
		}
		s, err := at.read(seq)
		if err != nil {
			return err
		}
		deadline = s.Deadline
		if err := set(ctx, log, []events.Timer{r.Clock(deadline, seq)}); err != nil {
			return err
		}
	}
	task, err := events.New(events.TaskSubject(r.Type, r.ID), r.By, r.Cause, nil)
	if err != nil {
		return err
	}
	task.Data = r.Task.Data // as it was, even if it is no JSON
	task.Rerun = &events.Rerun{Of: r.Of, Reason: r.Reason}
	if _, err := at.one(task); err != nil {
		return err
	}
	_, err = at.all(r.Results(deadline))
	return err
}

// A writer writes events that whoever died before may have written already.
type writer struct {
	ctx context.Context
	log events.Log
	r   saga.Rerun
}

func (w writer) all(drafts []saga.Draft) (seq uint64, err error) {
	for _, d := range drafts {
		e, err := events.New(d.Subject, w.r.By, w.r.Cause, d.Data)
		if err != nil {
			return 0, err
		}
		at, err := w.one(e)
		if err != nil {
			return 0, err
		}
		seq = max(seq, at)
	}
	return seq, nil
}

// one writes an event, or finds that it is written.
func (w writer) one(e events.Event) (seq uint64, err error) {
	for {
		at, err := w.log.Append(w.ctx, e)
		refusal, refused := errors.AsType[*events.Refusal](err)
		if !refused {
			return at, err
		}
		if seq, err = upTo(w.ctx, seq, refusal); err != nil {
			return 0, err
		}
		history, err := w.log.History(w.ctx, w.r.Type, w.r.ID, seq)
		if err != nil {
			return 0, err
		}
		for _, there := range history {
			switch {
			case there.Subject == e.Subject && w.r.Written(there):
				return there.Seq, nil
			case there.Subject == e.Subject:
				return 0, fmt.Errorf("%w\nhint: an id is never used again; give the new saga another one", ErrDuplicate)
			case there.Subject.Kind == events.Unwinding:
				return 0, fmt.Errorf("%w, before all was taken over\nhint: `unwind saga show %s %s` tells why; give the next one another id", ErrTurned, w.r.Type, w.r.ID)
			}
		}
	}
}

func (w writer) read(seq uint64) (*saga.State, error) {
	s, _, err := Load(w.ctx, w.log, w.r.Type, w.r.ID, seq)
	return s, err
}
