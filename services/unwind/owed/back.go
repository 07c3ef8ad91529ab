package owed

import (
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// back lists what a saga waits for that turned.
func back(s *saga.State, history []events.Event) []Debt {
	var debts []Debt
	for _, st := range s.Steps {
		if st.Working() {
			last := st.Last()
			debts = append(debts, Debt{
				Kind: Perform, Step: st.Name, Agent: last.Claim.Agent, Attempt: last.N,
				Since: last.Claimed.Time, Instance: last.Claim.Instance,
			})
		}
		for _, u := range st.Undos {
			if u.Outstanding() {
				debts = append(debts, ofUndo(s, st, u, history))
			}
		}
	}
	if len(debts) > 0 {
		return debts
	}
	// Nobody is on it: what the history implies is not written yet.
	kind := Order
	for _, d := range s.Advance(s.Time).Events {
		if d.Subject.Kind == events.SagaCompensated {
			kind = End
		}
	}
	return []Debt{{Kind: kind, Since: s.Time}}
}

func ofUndo(s *saga.State, st *saga.Step, u *saga.Undo, history []events.Event) Debt {
	d := Debt{Kind: Undo, Step: st.Name, Agent: u.Agent, Tries: u.Tries()}
	d.Since = timeOf(history, events.Subject{Type: s.Type, Step: st.Name, Kind: events.Compensate, Agent: u.Agent, ID: s.ID})
	if u.Redos > 0 {
		again := events.Subject{Type: s.Type, Step: st.Name, Kind: events.Redo, N: u.Redos, Agent: u.Agent, ID: s.ID}
		d.Since = later(d.Since, timeOf(history, again))
	}
	if d.Tries == 0 {
		return d
	}
	last := u.Failures[len(u.Failures)-1]
	d.Why = &last.Error
	if u.Stuck() {
		d.Kind, d.Since = Help, last.Time
		return d
	}
	d.Due = last.Time.Add(time.Duration(last.Due))
	return d
}
