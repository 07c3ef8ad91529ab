package owed

import (
	"cmp"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// forward lists what a saga waits for that goes forward.
func forward(s *saga.State, p Presence) []Debt {
	if s.Task == nil && len(s.Steps) == 0 {
		return []Debt{{Kind: Submit, Since: s.Time}}
	}
	var debts []Debt
	for _, st := range s.Steps {
		if st.Done == nil {
			debts = append(debts, ofStep(s, st))
		}
	}
	begins, known := begins(s, p)
	debts = append(debts, begins...)
	if len(debts) == 0 || len(s.Steps) == 0 && !known {
		debts = append(debts, next(s, p))
	}
	return debts
}

// ofStep says what is missing until a step is done.
func ofStep(s *saga.State, st *saga.Step) Debt {
	last, said := st.Last(), st.Answer()
	d := Debt{Step: st.Name, Agent: last.Claim.Agent, Attempt: last.N}
	switch {
	case last.Open():
		d.Kind, d.Since, d.Instance = Perform, last.Claimed.Time, last.Claim.Instance
	case said != nil && last.Failure != nil && said.Outcome == events.OutcomeRetry:
		d.Kind, d.Agent, d.Attempt = Retry, cmp.Or(said.Next, d.Agent), last.N+1
		d.Since, d.Due, d.By = said.Time, said.Time.Add(time.Duration(said.Due)), cmp.Or(said.By, "somebody")
	case said != nil:
		d.Kind, d.Since, d.By, d.Said = Hear, said.Time, cmp.Or(said.By, "somebody"), said.Outcome
	case s.Stranded(st):
		d.Kind, d.Since, d.Why = Mend, last.Failed.Time, &last.Failure.Error
	case last.Failure == nil:
		d.Kind, d.Since, d.What = Outcome, last.Waited.Time, cmp.Or(last.Wait.WaitsFor, "an outcome from outside")
		if last.Wait.Person {
			d.Kind, d.What = Answer, cmp.Or(last.Wait.Question, last.Wait.WaitsFor)
		}
		if last.Wait.Within > 0 {
			d.Due = last.Waited.Time.Add(time.Duration(last.Wait.Within))
		}
	case last.Failure.Then == events.ThenRetry:
		d.Kind, d.Agent, d.Attempt = Retry, last.Successor(), last.N+1
		d.Since, d.Due = last.Failed.Time, last.Failed.Time.Add(time.Duration(last.Failure.Due))
		d.Throttled, d.Why = last.Failure.Throttled, &last.Failure.Error
	case last.Failure.Then == events.ThenFallback:
		d.Kind, d.Agent, d.Attempt, d.From = TakeOver, last.Failure.Next, last.N+1, last.Claim.Agent
		d.Since, d.Why = last.Failed.Time, &last.Failure.Error
	default:
		d.Kind, d.Since, d.Why = Turn, last.Failed.Time, &last.Failure.Error
	}
	return d
}

// begins lists the steps that are to be begun next, as far as it is known who
// follows what; and reports whether it is known for any.
func begins(s *saga.State, p Presence) (debts []Debt, known bool) {
	done := func(name string) bool { st := s.Step(name); return st != nil && st.Done != nil }
	for _, place := range p.places() {
		if place.standIn || s.Step(place.step) != nil {
			continue
		}
		d := Debt{Kind: Begin, Step: place.step, Agent: place.agent, After: place.after, Attempt: 1}
		if len(place.after) == 0 && s.Task != nil {
			d.Since = s.Task.Time
		}
		for _, name := range place.after {
			if done(name) {
				d.Since = later(d.Since, s.Step(name).Done.Time)
			} else {
				d.Waits = append(d.Waits, name)
			}
		}
		known = true
		// What waits for a step that is on its way is owed later, unless its other
		// half is there already: then that is why nothing happens with it.
		if len(d.Waits) == 0 || len(d.Waits) < len(place.after) {
			debts = append(debts, d)
		}
	}
	return debts, known && len(debts) > 0
}

// next is what is owed when nobody is known to owe anything: by whoever follows
// what is done, or by the one who did the final step.
func next(s *saga.State, p Presence) Debt {
	leaves := Leaves(s)
	if len(leaves) == 0 {
		d := Debt{Kind: Begin, Attempt: 1}
		if s.Task != nil {
			d.Since = s.Task.Time
		}
		return d
	}
	d := Debt{Kind: Begin, After: leaves, Attempt: 1}
	for _, name := range leaves {
		st := s.Step(name)
		d.Since = later(d.Since, st.Done.Time)
		if p.final(st.Done.Agent) {
			return Debt{Kind: End, Step: name, Agent: st.Done.Agent, Since: st.Done.Time}
		}
	}
	return d
}

// Leaves lists the steps that nobody has followed.
func Leaves(s *saga.State) (names []string) {
	for _, st := range s.Steps {
		if !slices.ContainsFunc(s.Steps, func(f *saga.Step) bool { return slices.Contains(f.After, st.Name) }) {
			names = append(names, st.Name)
		}
	}
	return names
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
