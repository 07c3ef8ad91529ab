package replay

import (
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Move is what the rules asked for at a point, and what came of it.
type Move struct {
	By    string       // the agent that owed it; empty: any agent of the type
	Write *saga.Draft  // an event to be written
	Set   events.Timer // or a timer to be set
	Clear bool         // what the agent may have left is undone before that

	// Met is the event that answered it later: the one that was to be written, or
	// the attempt that the timer was for. Nil: none did.
	Met *events.Event
}

// moves asks the rules what is owed, for everybody who may be asked.
func (t *Tape) moves(s *saga.State, n int) (moves []Move) {
	add := func(by string, m saga.Moves) {
		for _, d := range m.Events {
			moves = append(moves, Move{By: by, Write: &d, Clear: m.Clear, Met: t.find(n, d.Subject)})
		}
		for _, timer := range m.Timers {
			moves = append(moves, Move{By: by, Set: timer, Clear: m.Clear, Met: t.answer(s, n, timer)})
		}
	}
	switch {
	case s.Ended():
		return nil
	case s.Turned():
		add("", s.Advance(s.Time))
		for _, st := range s.Steps {
			for _, u := range st.Undos {
				add(u.Agent, s.SettleUndo(st.Name, u.Agent))
			}
		}
		return moves
	case s.Rejected != nil:
		add("", s.Settle(saga.Role{Type: s.Type}, "", s.Time))
		return moves
	}
	for _, st := range s.Steps {
		r := roleOf(s, st, t.final)
		m := s.Settle(r, r.Agent, s.Time)
		add(r.Agent, m)
	}
	return moves
}

// roleOf is the place of the agent that has a step, as far as the history tells.
func roleOf(s *saga.State, st *saga.Step, final string) saga.Role {
	agent := st.Last().Claim.Agent
	if st.Done != nil {
		agent = st.Done.Agent
	}
	return saga.Role{Type: s.Type, Agent: agent, Step: st.Name, After: st.After, Final: st.Name == final}
}

// find looks for an event after a point.
func (t *Tape) find(n int, subject events.Subject) *events.Event {
	if i := slices.IndexFunc(t.history[n:], func(e events.Event) bool { return e.Subject == subject }); i >= 0 {
		return &t.history[n+i]
	}
	return nil
}

// answer looks for what came of a timer: the next attempt, the next word about an
// undoing, or nothing that a history shows.
func (t *Tape) answer(s *saga.State, n int, timer events.Timer) *events.Event {
	for i, e := range t.history[n:] {
		of := e.Subject
		step := s.Step(of.Step)
		switch {
		case step == nil:
		case timer.What == events.RetryTimer && of.Kind == events.Attempt && of.N == timer.N && claimedBy(e) == timer.To,
			timer.What == events.UndoTimer && of.Agent == timer.To && (of.Kind == events.UndoFailed || of.Kind == events.Compensated),
			timer.What == events.AnswerTimer && of.Kind == events.Answered && step.Last().Claim.Agent == timer.To:
			return &t.history[n+i]
		}
	}
	return nil
}

func claimedBy(e events.Event) string {
	var c events.Claim
	if e.Unpack(&c) != nil {
		return ""
	}
	return c.Agent
}

// Within is how long after a point it was met.
func (m Move) Within(at time.Time) time.Duration { return m.Met.Time.Sub(at) }
