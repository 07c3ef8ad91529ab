package saga

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Moves are what a history implies and does not say yet: events to append and
// timers to set. Making one twice is the same as making it once, so anybody
// may make them at any time, and whoever acknowledges a message makes them
// first.
type Moves struct {
	Events []Draft
	Timers []events.Timer
	// Clear: before any of it is done, the agent undoes what its attempts may
	// have left. If it can't, [State.Uncleared] says what is owed instead.
	Clear bool
}

// A Draft is an event to be appended.
type Draft struct {
	Subject events.Subject
	Data    any
}

// AdvanceAfter is how long a saga that unwinds may stand still before
// somebody looks at it again.
const AdvanceAfter = 10 * time.Minute

// Settle says what is owed after a message was worked on by the agent of a
// role: the end after the final step, what follows a failure, and in a saga
// that turned, the way back. by names who settles, asked is the time of the
// message that made it look.
func (s *State) Settle(r Role, by string, asked time.Time) Moves {
	switch {
	case s.Ended():
		return Moves{}
	case s.Turned():
		return s.Advance(asked)
	case s.Rejected != nil:
		return s.latch(events.Turn{Reason: events.ReasonRejected, By: by, Error: &s.Rejected.Error})
	}
	st := s.Step(r.Step)
	switch {
	case st == nil:
		return Moves{}
	case st.Done != nil && r.Final:
		end := events.Subject{Type: s.Type, Kind: events.SagaCompleted, ID: s.ID}
		return Moves{Events: []Draft{{end, EndWith(s.results(nil))}}}
	case st.Done != nil:
		return Moves{}
	case st.Last().Waiting():
		return s.overdue(st)
	}
	last, follows := st.Last(), s.sequel(st)
	// Whoever comes next does the work again: what may be there of this
	// agent's must be gone first, or two providers charge. It is undone
	// after the failure is written, never before: until then a later
	// attempt may be at it under the same key, and would lose its effect.
	dirty := last.Failure != nil && follows.agent != last.Claim.Agent &&
		(last.Failure.Left == events.LeftUnknown || st.saidOf(last.Claim.Agent))
	if u := st.Undo(last.Claim.Agent); dirty && u != nil {
		switch {
		case u.Done != nil && u.doneSeq > last.Failed.Seq:
			dirty = false // it could not be undone at once, and was later
		case u.Done == nil && s.Committed != nil && len(u.Failures) > 0:
			return s.SettleUndo(st.Name, u.Agent)
		}
	}
	switch follows.then {
	case events.ThenRetry:
		if dirty && last.Claim.Agent != r.Agent {
			return Moves{}
		}
		return Moves{Clear: dirty, Timers: []events.Timer{{
			Type: s.Type, To: follows.agent, What: events.RetryTimer, N: last.N + 1, ID: s.ID, Due: follows.due, Seq: follows.seq,
		}}}
	case events.ThenFallback:
		if slices.Contains(st.Handed, follows.agent) || dirty && last.Claim.Agent != r.Agent {
			return Moves{}
		}
		to := events.Subject{Type: s.Type, Step: st.Name, Kind: events.Fallback, Agent: follows.agent, ID: s.ID}
		return Moves{Events: []Draft{{to, events.HandOver{From: last.Claim.Agent, Attempt: last.N}}}, Clear: dirty}
	case events.ThenBack:
		return s.latch(events.Turn{Reason: events.ReasonFailed, Step: st.Name, By: by, Error: &last.Failure.Error})
	default: // not known yet, or a person's
		return Moves{}
	}
}

// Uncleared says what is owed when an agent could not undo what it may have left
// before it hands the step on. Nobody may do the work again, so the saga turns,
// and the undoing goes on there with its own policy. After the pivot it can't:
// then the undoing goes on where it is, by its policy and at the end by a person,
// and the step waits for it.
func (s *State) Uncleared(r Role, by string, err events.Error) Moves {
	return s.latch(events.Turn{Reason: events.ReasonFailed, Step: r.Step, By: by, Error: &err})
}

// Expire says what is owed when the deadline has passed.
func (s *State) Expire(by string) Moves {
	switch {
	case s.Ended() || s.Turned():
		return Moves{}
	default:
		return s.latch(events.Turn{Reason: events.ReasonDeadline, By: by})
	}
}

// latch turns the saga, unless the pivot is done.
func (s *State) latch(t events.Turn) Moves {
	if s.Committed != nil {
		return Moves{}
	}
	return Moves{Events: []Draft{{events.LatchSubject(s.Type, s.ID), t}}}
}

// Advance says what a saga that turned owes now: for each step that is
// neither worked on nor resolved, and whose followers all are resolved, an
// order to each agent that has something to undo (I3); when every step is
// resolved, the end (I2); otherwise, a look at it later, in case that whoever
// should go on never does (I4).
//
// The history must have been read after the reader's own last append: two
// branches that finish undoing at the same moment then cannot miss each other,
// because the later one sees both.
func (s *State) Advance(asked time.Time) Moves {
	if !s.Turned() || s.Ended() {
		return Moves{}
	}
	var m Moves
	resolved := true
	for _, st := range slices.Backward(s.Steps) {
		if st.Resolved() {
			continue
		}
		resolved = false
		if st.Working() || slices.ContainsFunc(s.followers(st.Name), func(f *Step) bool { return !f.Resolved() }) {
			continue
		}
		for _, agent := range st.Owing() {
			if u := st.Undo(agent); u != nil && (u.Order != nil || u.Done != nil) {
				continue
			}
			token, attempt := st.Token(agent)
			m.Events = append(m.Events, Draft{
				events.Subject{Type: s.Type, Step: st.Name, Kind: events.Compensate, Agent: agent, ID: s.ID},
				events.UndoOrder{Reason: s.Turn.Reason, Attempt: attempt, Undo: token},
			})
		}
	}
	if resolved {
		end := events.Subject{Type: s.Type, Kind: events.SagaCompensated, ID: s.ID}
		return Moves{Events: []Draft{{end, events.End{}}}}
	}
	// A timer that finds nothing new has to ask for the next one from its own
	// time on: from the last event on, that one would be due at once.
	from := s.Time
	if asked.After(from) {
		from = asked
	}
	m.Timers = append(m.Timers, events.Timer{
		Type: s.Type, To: events.Everyone, What: events.AdvanceTimer, ID: s.ID,
		Due: from.Add(AdvanceAfter), Seq: s.Seq,
	})
	return m
}

// SettleUndo says what is owed after an agent's try at undoing failed: its
// next try, by a timer.
func (s *State) SettleUndo(step, agent string) Moves {
	st := s.Step(step)
	if st == nil {
		return Moves{}
	}
	u := st.Undo(agent)
	if u == nil || !u.Outstanding() || u.Tries() == 0 || u.Stuck() {
		return Moves{}
	}
	last := u.Failures[len(u.Failures)-1]
	return Moves{Timers: []events.Timer{{
		Type: s.Type, To: agent, What: events.UndoTimer, N: len(u.Failures) + 1, ID: s.ID,
		Due: last.Time.Add(time.Duration(last.Due)), Seq: last.Seq,
	}}}
}

// followers lists the steps that followed one, directly or through steps that
// were skipped.
func (s *State) followers(name string) []*Step {
	var list []*Step
	for _, st := range s.Steps {
		if !slices.Contains(st.After, name) {
			continue
		}
		list = append(list, st)
		if st.Done != nil && st.Done.Skipped {
			list = append(list, s.followers(st.Name)...)
		}
	}
	return list
}

// results collects what the completed steps answered, or where it is; of all of
// them, or of those that keep says.
func (s *State) results(keep func(step string) bool) events.Context {
	in := events.Context{Results: map[string]json.RawMessage{}}
	for _, st := range s.Steps {
		if st.Done != nil && !st.Done.Skipped && (keep == nil || keep(st.Name)) {
			in = After(in, st.Name, st.Done.Done)
		}
	}
	return in
}
