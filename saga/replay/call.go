package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
)

// A Call is one call of an agent's code, as a history has it. Either Task or Undo
// is set.
type Call struct {
	Name string // attempt-2, or undo-1: the nth try
	Seq  uint64 // of the claim, or of the event that told what came of the undoing
	Task *agent.Task
	Undo *agent.Undo
	Left time.Duration // until the saga's deadline; 0: nobody said
	Was  Was
}

// Was is what came of a call. It is zero where the history does not say.
type Was struct {
	Outcome agent.Outcome // of a task
	Found   events.Found  // of an undoing that worked
	Failed  *events.Error // of one that did not
}

// Known reports whether the history says what came of the call.
func (w Was) Known() bool {
	o := w.Outcome
	return o.Done != nil || o.Pending != nil || o.Failed != nil || o.Skipped || w.Found != "" || w.Failed != nil
}

// ErrNotCalled says that an agent was not called in a saga.
var ErrNotCalled = errors.New("it was not called")

// Calls lists the calls of an agent in a saga, in the order in which they were made.
// The shelf is where large results are; of one that is there no more, the outcome is
// not known.
func Calls(ctx context.Context, history []events.Event, name string, shelf events.Shelf) ([]Call, error) {
	s, err := saga.Fold(history)
	if err != nil {
		return nil, err
	}
	b := book{history: history, end: s, agent: name, shelf: shelf}
	var calls []Call
	for _, st := range s.Steps {
		for _, a := range st.Attempts {
			if a.Claim.Agent != name || a.Void() || a.Claim.Cause == events.CauseAnswer || a.Claim.Cause == events.CauseRerun {
				continue
			}
			c, err := b.task(ctx, st, a)
			if err != nil {
				return nil, err
			}
			calls = append(calls, c)
		}
		undos, err := b.undos(st)
		if err != nil {
			return nil, err
		}
		calls = append(calls, undos...)
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("replay agent %q of saga %s/%s: %w\nhint: it called %s", name, s.Type, s.ID, ErrNotCalled, called(s))
	}
	slices.SortStableFunc(calls, func(a, b Call) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return calls, nil
}

// Agents lists the agents that were called in a saga.
func Agents(s *saga.State) (names []string) {
	for _, st := range s.Steps {
		for _, a := range st.Attempts {
			if a.Claim.Cause != events.CauseRerun && !slices.Contains(names, a.Claim.Agent) {
				names = append(names, a.Claim.Agent)
			}
		}
	}
	return names
}

func called(s *saga.State) string {
	if names := Agents(s); len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return "nobody"
}

// A book is a history in which an agent's calls are looked up.
type book struct {
	history []events.Event
	end     *saga.State // the whole of it
	agent   string
	shelf   events.Shelf
}

// before folds the history up to a sequence, and with it.
func (b book) before(seq uint64) (*saga.State, error) {
	n := slices.IndexFunc(b.history, func(e events.Event) bool { return e.Seq > seq })
	if n < 0 {
		n = len(b.history)
	}
	return saga.Fold(b.history[:n])
}

// task reads one attempt at a step.
func (b book) task(ctx context.Context, st *saga.Step, a saga.Attempt) (Call, error) {
	then, err := b.before(a.Claimed.Seq)
	if err != nil {
		return Call{}, err
	}
	in := then.Input(st.After)
	c := Call{Name: "attempt-" + strconv.Itoa(a.N), Seq: a.Claimed.Seq, Task: &agent.Task{
		Type: then.Type, ID: then.ID, Step: st.Name, Agent: b.agent, Attempt: a.N,
		Key:     saga.RoundKey(saga.Key(then.Type, then.ID, st.Name, b.agent), st.RoundOf(a.N)),
		Payload: in.Task, Results: in.Results, Refs: in.Refs,
	}}
	if !then.Deadline.IsZero() {
		c.Left = max(then.Deadline.Sub(a.Claimed.Time), time.Millisecond)
	}
	c.Was.Outcome, err = b.outcome(ctx, st, a)
	return c, err
}

// outcome says what came of an attempt, as its function knows it.
func (b book) outcome(ctx context.Context, st *saga.Step, a saga.Attempt) (agent.Outcome, error) {
	done := st.Done != nil && st.Done.Agent == b.agent && st.Done.Attempt == a.N
	switch {
	case a.Wait != nil:
		return agent.Outcome{Pending: a.Wait}, nil
	case a.Failure != nil && notCalled(*a.Failure):
		return agent.Outcome{}, nil
	case a.Failure != nil:
		f := *a.Failure
		return agent.Outcome{Failed: &saga.Setback{Class: f.Class, Error: f.Error, Raw: f.Raw, Left: f.Left}}, nil
	case done && st.Done.Skipped:
		return agent.Outcome{Skipped: true}, nil
	case done && st.Done.ResultRef != nil:
		if b.shelf == nil {
			return agent.Outcome{}, nil
		}
		data, err := b.shelf.Get(ctx, b.end.Type, *st.Done.ResultRef)
		if errors.Is(err, events.ErrNoObject) {
			return agent.Outcome{}, nil
		}
		return agent.Outcome{Done: &agent.Work{Result: data, Undo: st.Done.Undo}}, err
	case done:
		return agent.Outcome{Done: &agent.Work{Result: st.Done.Result, Undo: st.Done.Undo}}, nil
	default:
		return agent.Outcome{}, nil
	}
}

// notCalled reports whether an attempt failed before its function was called, or
// after: what package agent says then, no function knows of.
func notCalled(f events.Failure) bool {
	switch f.Error.Code {
	case "circuit_open":
		return f.Class == events.Unavailable
	case "takeovers", "undone", "not_cleared", "not_stored":
		return f.Class == events.Unknown
	default:
		return false
	}
}

// undos reads each try at undoing what the agent did at a step. That a person did
// it is no call.
func (b book) undos(st *saga.Step) (calls []Call, err error) {
	u := st.Undo(b.agent)
	if u == nil {
		return nil, nil
	}
	for _, e := range b.history {
		var was Was
		switch {
		case e.Subject.Step != st.Name || e.Subject.Agent != b.agent:
			continue
		case e.Subject.Kind == events.Compensated:
			var undone events.Undone
			if err := e.Unpack(&undone); err != nil || undone.Reason != "" {
				continue
			}
			was.Found = undone.Found
		case e.Subject.Kind == events.UndoFailed:
			var f events.UndoFailure
			if e.Unpack(&f) != nil {
				continue
			}
			was.Failed = &f.Error
		default:
			continue
		}
		c, err := b.undo(st, e.Seq, len(calls)+1)
		if err != nil {
			return nil, err
		}
		c.Was = was
		calls = append(calls, c)
	}
	if len(calls) == 0 && u.Order != nil && u.Done == nil {
		c, err := b.undo(st, b.end.Seq, 1)
		return []Call{c}, err
	}
	return calls, nil
}

func (b book) undo(st *saga.Step, seq uint64, try int) (Call, error) {
	then, err := b.before(seq)
	if err != nil {
		return Call{}, err
	}
	st = then.Step(st.Name)
	token, attempt := st.Token(b.agent)
	round := st.Round(b.agent)
	if attempt > 0 {
		round = st.RoundOf(attempt)
	}
	u := &agent.Undo{
		Type: then.Type, ID: then.ID, Step: st.Name, Agent: b.agent, Attempt: max(attempt, 1),
		Key:   saga.RoundKey(saga.UndoKey(then.Type, then.ID, st.Name, b.agent), round),
		Of:    saga.RoundKey(saga.Key(then.Type, then.ID, st.Name, b.agent), round),
		Token: slices.Clone(token),
	}
	if then.Turned() {
		u.Reason = then.Turn.Reason
	}
	return Call{Name: "undo-" + strconv.Itoa(try), Seq: seq, Undo: u}, nil
}

// At is the task as it would be given to the agent now: with as much time left until
// the deadline as there was then.
func (c Call) At(now time.Time) agent.Task {
	t := *c.Task
	t.Payload, t.Results = slices.Clone(t.Payload), cloned(t.Results)
	if c.Left > 0 {
		t.Deadline = now.Add(c.Left)
	}
	return t
}

// cloned copies results, which a function may keep and change.
func cloned(m map[string]json.RawMessage) map[string]json.RawMessage {
	c := make(map[string]json.RawMessage, len(m))
	for k, v := range m {
		c[k] = slices.Clone(v)
	}
	return c
}

// Step names the step of the call.
func (c Call) Step() string {
	if c.Task != nil {
		return c.Task.Step
	}
	return c.Undo.Step
}
