package saga

import (
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// A Call is the answer to "may this agent run, because of this message?".
type Call uint8

const (
	// Pass says that there is nothing to run. Settle what the history implies,
	// and acknowledge.
	Pass Call = iota
	// Run says: claim the attempt and perform the step.
	Run
	// GiveUp says: claim the attempt, but only to tell that it failed: the task
	// killed its agent too often, or the agent has said that its part is undone.
	GiveUp
	// UndoOwn says that an attempt of this agent may have had an effect that
	// the history will not record any more. Undo it.
	UndoOwn
)

// Forward decides what a message asks of an agent, given the history. Run and
// GiveUp come with the number of the attempt to claim, and with its cause.
//
// Only the message that claimed an attempt may take it over: it comes again
// only when nobody acknowledged it, so whoever held it has lost it. Any other
// message finds the step in good hands.
func (s *State) Forward(r Role, m Message) (call Call, attempt int, cause events.Cause) {
	st := s.Step(r.Step)
	if st == nil {
		return s.first(r, m)
	}
	last := st.Last()
	next := len(st.Attempts) + 1
	mine := last.Claim.Trigger == m.Trigger && last.Claim.Agent == r.Agent
	follows := s.sequel(st)
	switch {
	case mine && last.Open() && !st.Undone(r.Agent) && (s.Turned() || s.Ended() || st.Done != nil):
		return UndoOwn, 0, ""
	case s.Orphaned(r):
		return UndoOwn, 0, ""
	case s.Turned() || s.Ended() || st.Done != nil:
		return Pass, 0, ""
	case mine && last.Open() && (st.takeovers(r.Agent) >= r.MaxTakeovers || st.Undone(r.Agent)):
		return GiveUp, next, events.CauseTakeover
	case mine && last.Open():
		return Run, next, events.CauseTakeover
	case last.Failure == nil:
		return Pass, 0, ""
	case follows.agent == r.Agent && follows.then == events.ThenRetry &&
		m.Timer.What == events.RetryTimer && m.Timer.N > last.N && m.Timer.N <= next && m.Timer.To == r.Agent:
		if st.Undone(r.Agent) {
			return GiveUp, next, events.CauseRetry // what it does now, nobody could say to be undone
		}
		return Run, next, events.CauseRetry
	case follows.agent == r.Agent && follows.then == events.ThenFallback &&
		m.Subject.Kind == events.Fallback && m.Subject.Agent == r.Agent:
		return Run, next, events.CauseFallback
	case follows.then == events.ThenPerson && last.Claim.Agent == r.Agent && st.saidDone(m):
		return Run, next, events.CauseAnswer
	default:
		return Pass, 0, ""
	}
}

// saidDone reports whether a message is the answer that brings a step to its end
// that had failed.
func (st *Step) saidDone(m Message) bool {
	a := st.Answer()
	return a != nil && a.Outcome == events.OutcomeCompleted && m.Subject.Kind == events.Answered && m.Subject.N == a.K
}

// Orphaned reports whether an agent's last attempt failed or waits, and may have left
// something, while a late replica of another agent completed the step; or the
// agent completed a step that was skipped before. The saga goes forward, so
// nobody will order it to be undone.
func (s *State) Orphaned(r Role) bool {
	st := s.Step(r.Step)
	if st != nil && !s.Turned() && st.strayed != nil && st.strayed.Agent == r.Agent {
		return !st.Undone(r.Agent)
	}
	return st != nil && !s.Turned() && st.Done != nil && st.Done.Agent != r.Agent &&
		st.Last().Claim.Agent == r.Agent && (st.Last().Failure != nil || st.Last().Wait != nil) &&
		slices.Contains(st.Owing(), r.Agent) && !st.Undone(r.Agent)
}

// Overtaken reports whether an attempt is not the last one any more.
func (st *Step) Overtaken(attempt int) bool { return attempt < len(st.Attempts) }

// Lost reports whether the step is not the agent's any more: it has undone its
// work, or handed it on, or the step was skipped, or another agent has completed
// it. What an attempt of
// this agent does now, nobody will order to be undone.
func (st *Step) Lost(agent string) bool {
	switch {
	case st.Undone(agent):
		return true
	case st.Done != nil:
		return st.Done.Skipped || st.Done.Agent != agent
	default:
		_, begin, _ := st.rounds(agent)
		return slices.ContainsFunc(st.Attempts[begin:], func(a Attempt) bool {
			return a.Claim.Agent == agent && a.HandedOn()
		})
	}
}

// first decides about a step that nobody has claimed.
func (s *State) first(r Role, m Message) (Call, int, events.Cause) {
	if r.StandIn || s.Turned() || s.Ended() || s.Rejected != nil {
		return Pass, 0, ""
	}
	if len(r.After) == 0 {
		if s.Task == nil || m.Subject.Kind != events.Submitted {
			return Pass, 0, ""
		}
		return Run, 1, events.CauseTask
	}
	for _, name := range r.After {
		if st := s.Step(name); st == nil || st.Done == nil {
			return Pass, 0, ""
		}
	}
	return Run, 1, events.CauseStep
}

// Successor is the agent of the next attempt after a failure that asks for
// another try.
func (a Attempt) Successor() string {
	if a.Failure != nil && a.Failure.Next != "" {
		return a.Failure.Next
	}
	return a.Claim.Agent
}

// HandedOn reports whether the attempt failed and another agent was to have the
// step.
func (a Attempt) HandedOn() bool {
	f := a.Failure
	return f != nil && (f.Then == events.ThenFallback || f.Then == events.ThenRetry && a.Successor() != a.Claim.Agent)
}

// takeovers counts how often an agent's attempts were taken over in a row: a
// failure in between says that the agent survived.
func (st *Step) takeovers(agent string) int {
	n := 0
	for _, a := range slices.Backward(st.Attempts) {
		if a.void {
			continue
		}
		if a.Claim.Agent != agent || a.Claim.Cause != events.CauseTakeover {
			break
		}
		n++
	}
	return n
}
