package saga

import (
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A Rerun is a new saga with the task of one that has ended, in which nobody does
// again what comes before a step: those results are taken over, and marked so.
//
// What is taken over was done for the old saga. Nothing is owed for it in the new
// one: should that turn, it stays as it is.
type Rerun struct {
	Type, Of, ID string // of the saga, of the old one, of the new one
	Task         events.Event
	Cause        events.Event  // the last of the old saga
	Within       time.Duration // the deadline, from the first claim on; 0: nothing is taken over
	Taken        []Taken       // in an order in which no step comes before those that it follows
	By, Reason   string
}

// Taken is a step whose result is taken over.
type Taken struct {
	Step   string
	Done   events.Done // as it is written, without its context
	Skip   bool        // it was skipped
	Undone bool        // its effect was undone in the old saga
}

// RerunFrom plans a rerun from a step on, or with an empty one from the beginning,
// under another id. What comes before the step must be done.
func (s *State) RerunFrom(step, id string) (Rerun, error) {
	r := Rerun{Type: s.Type, Of: s.ID, ID: id}
	switch {
	case s.Task == nil:
		return r, fmt.Errorf("it has no task")
	case !s.Ended():
		return r, fmt.Errorf("it is %s, and what it did may still be undone", s.Status())
	}
	r.Task, r.Cause = *s.Task, events.Event{ID: s.End.ID, Time: s.End.Time}
	if step == "" {
		return r, nil
	}
	from := s.Step(step)
	if from == nil {
		return r, fmt.Errorf("step %q was never begun", step)
	}
	taken := map[string]bool{}
	var visit func(names []string) error
	visit = func(names []string) error {
		for _, name := range names {
			st := s.Step(name)
			switch {
			case taken[name]:
				continue
			case st == nil || st.Done == nil:
				return fmt.Errorf("step %q, which comes before it, is not done", name)
			}
			taken[name] = true
			if err := visit(st.After); err != nil {
				return err
			}
			r.Taken = append(r.Taken, s.take(st))
		}
		return nil
	}
	if err := visit(from.After); err != nil {
		return r, err
	}
	if len(r.Taken) > 0 {
		r.Within = max(s.Deadline.Sub(s.Task.Time), time.Second)
	}
	return r, nil
}

func (s *State) take(st *Step) Taken {
	d := st.Done
	return Taken{
		Step: st.Name, Skip: d.Skipped, Undone: st.Undid(),
		Done: events.Done{
			Agent: d.Agent, Attempt: 1, After: st.After, Result: d.Result, ResultRef: d.ResultRef,
			From: &events.Origin{Saga: s.ID, Seq: d.Seq},
		},
	}
}

// Undid reports whether what the step's result tells of was there, and was undone.
func (st *Step) Undid() bool {
	if st == nil || st.Done == nil || st.Done.Skipped {
		return false
	}
	u := st.Undo(st.Done.Agent)
	return u != nil && u.Done != nil && u.Done.Found == events.FoundUndone
}

// Claims are written first, before the task: whoever hears of the task, or of one
// of these steps, finds the claim of it and begins nothing. That they stand above
// each other in the right order is all that a reader asks of them.
func (r Rerun) Claims() []Draft {
	var drafts []Draft
	for i, t := range r.Taken {
		claim := events.Claim{
			Agent: t.Done.Agent, Instance: r.By, After: t.Done.After, Cause: events.CauseRerun, From: t.Done.From,
		}
		if i == 0 {
			claim.Within = events.Duration(r.Within)
		}
		drafts = append(drafts, Draft{events.ClaimSubject(r.Type, t.Step, 1, r.ID), claim})
	}
	return drafts
}

// Clock is the timer of the deadline. It is set before anything else is written, as
// from a time that the writer believes in, and again when the log has said its time:
// if the writer dies in between, the new saga still ends.
func (r Rerun) Clock(due time.Time, seq uint64) events.Timer {
	return events.Timer{Type: r.Type, To: events.Everyone, What: events.DeadlineTimer, ID: r.ID, Due: due, Seq: seq}
}

// Results are written last, and an agent that follows one may begin at once. Each
// carries what may be read after it, so they need to know the deadline.
func (r Rerun) Results(deadline time.Time) []Draft {
	var drafts []Draft
	before := map[string]events.Context{}
	for _, t := range r.Taken {
		in := events.Context{Task: r.Task.Data, Deadline: deadline}
		for _, name := range t.Done.After {
			in = merged(in, before[name])
		}
		kind, after := events.Completed, in
		if t.Skip {
			kind = events.Skipped
		} else {
			after = After(in, t.Step, t.Done)
		}
		before[t.Step] = after
		drafts = append(drafts, Draft{
			events.Subject{Type: r.Type, Step: t.Step, Kind: kind, ID: r.ID}, Attach(t.Done, in),
		})
	}
	return drafts
}

// merged adds what could be read after one step to what could be read after another.
func merged(a, b events.Context) events.Context {
	for step, result := range b.Results {
		a.Results = with(a.Results, step, result)
	}
	for step, ref := range b.Refs {
		a.Refs = with(a.Refs, step, ref)
	}
	return a
}

// Written reports whether an event is this rerun's, by whomever it was written:
// whoever repeats a rerun that died goes on with it.
func (r Rerun) Written(e events.Event) bool {
	switch e.Subject.Kind {
	case events.Submitted:
		return e.Rerun != nil && e.Rerun.Of == r.Of
	case events.Started, events.Completed, events.Skipped:
		var data struct {
			From *events.Origin `json:"from"`
		}
		return e.Unpack(&data) == nil && data.From != nil && slices.ContainsFunc(r.Taken, func(t Taken) bool {
			return t.Step == e.Subject.Step && *t.Done.From == *data.From
		})
	default:
		return false
	}
}
