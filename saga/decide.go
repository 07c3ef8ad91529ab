package saga

import (
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A Setback is what an agent knows of an attempt of its own that failed.
type Setback struct {
	Class      events.Class
	Error      events.Error
	Left       events.Left   // what this attempt left
	RetryAfter time.Duration // the least wait before the next try
	GivenUp    bool          // this agent shall not try again, whatever the class
}

// Decide says what follows a failed attempt: another try, the next agent in
// the chain, or the way back. st is the step as it was read, nil when the
// attempt is the first and nothing was read. random, in [0, 1), draws the
// jitter.
//
// What a failure that hands the step on says to be left is what any attempt of
// the agent may have left: all of it must be undone before.
func (r Role) Decide(st *Step, b Setback, random float64) events.Failure {
	f := events.Failure{Agent: r.Agent, Error: b.Error, Class: b.Class, Left: b.Left}
	switch {
	case b.Class == events.Refused:
		f.Then = events.ThenBack
		return f
	case b.Class != events.Unavailable && !b.GivenUp && st.retries(r.Agent) < r.Retry.MaxRetries:
		f.Then = events.ThenRetry
		f.Due = events.Duration(max(r.Retry.Wait(st.retries(r.Agent), random), b.RetryAfter))
		return f
	}
	if chain := r.chain(st); len(chain) > 0 {
		f.Then, f.Next, f.Chain = events.ThenFallback, chain[0], chain[1:]
		if st.MayHaveLeft(r.Agent) {
			f.Left = events.LeftUnknown
		}
		return f
	}
	f.Then = events.ThenBack
	return f
}

// DecideUndo says what follows a failed try at undoing: another one, or a
// person.
func (r Role) DecideUndo(u *Undo, err events.Error, random float64) events.UndoFailure {
	tries := 0
	if u != nil {
		tries = u.Tries()
	}
	if tries < r.UndoRetry.MaxRetries {
		return events.UndoFailure{Error: err, Then: events.ThenRetry, Due: events.Duration(r.UndoRetry.Wait(tries, random))}
	}
	return events.UndoFailure{Error: err, Then: events.ThenPerson}
}

// MayHaveLeft reports whether an attempt of the agent before its last one may
// have had an effect.
func (st *Step) MayHaveLeft(agent string) bool {
	if st == nil {
		return false
	}
	return slices.ContainsFunc(st.Attempts[:len(st.Attempts)-1], func(a Attempt) bool {
		return a.Claim.Agent == agent && (a.Failure == nil && !a.void || a.Failure != nil && a.Failure.Left == events.LeftUnknown)
	})
}

// retries counts the failures of an agent that asked for another try by it.
func (st *Step) retries(agent string) int {
	if st == nil {
		return 0
	}
	n := 0
	for _, a := range st.Attempts {
		if a.Claim.Agent == agent && a.Failure != nil && a.Failure.Then == events.ThenRetry && a.Successor() == agent {
			n++
		}
	}
	return n
}

// chain lists the agents that have not had the step yet: those that the last
// hand-over named, or else those of the role. An agent occurs once in it.
func (r Role) chain(st *Step) []string {
	rest := r.Fallbacks
	if st == nil {
		return rest
	}
	for _, a := range st.Attempts {
		if a.Failure != nil && a.Failure.Then == events.ThenFallback {
			rest = a.Failure.Chain
		}
	}
	return slices.DeleteFunc(slices.Clone(rest), func(agent string) bool {
		return slices.ContainsFunc(st.Attempts, func(a Attempt) bool { return a.Claim.Agent == agent })
	})
}
