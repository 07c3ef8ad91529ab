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
	Committed  bool          // the saga cannot turn any more
	Back       bool          // nobody shall, neither this agent nor another
}

// Endless is how many attempts at a step are made, one after the other and
// whatever the retry policy says, before a person is asked, in a saga that
// cannot turn any more. A history is bounded, so there is no real endlessness.
const Endless = 100

// Decide says what follows a failed attempt: another try, the next agent in
// the chain, the way back, or a person where there is no way back. st is the step as it was read, nil when the
// attempt is the first and nothing was read. random, in [0, 1), draws the
// jitter.
//
// What a failure that hands the step on says to be left is what any attempt of
// the agent may have left: all of it must be undone before.
func (r Role) Decide(st *Step, b Setback, random float64) events.Failure {
	if r.NeverRefuses && b.Class == events.Refused && !b.Back {
		b.Class = events.Unavailable // its author promised: it is the agent that can't
	}
	f := events.Failure{Agent: r.Agent, Error: b.Error, Class: b.Class, Left: b.Left}
	again := b.Class != events.Unavailable && b.Class != events.Refused && !b.GivenUp && !b.Back
	retry := func() events.Failure {
		f.Then = events.ThenRetry
		f.Due = events.Duration(max(r.Retry.Wait(st.retries(r.Agent), random), b.RetryAfter))
		return f
	}
	if again && st.retries(r.Agent) < r.Retry.MaxRetries {
		return retry()
	}
	chain := r.chain(st)
	_, _, from := st.rounds(r.Agent)
	switch {
	case b.Class == events.Refused || b.Back:
		f.Then = events.ThenBack
	case from != "":
		f.Then, f.Next = events.ThenRetry, from // to whoever handed the step back
	case len(chain) > 0:
		f.Then, f.Next, f.Chain = events.ThenFallback, chain[0], chain[1:]
	case b.Committed && again && len(st.attempts()) < Endless:
		return retry()
	default:
		f.Then = events.ThenBack
	}
	if b.Committed && f.Then == events.ThenBack {
		f.Then = events.ThenPerson
	}
	if f.Then != events.ThenBack && st.MayHaveLeft(r.Agent) {
		f.Left = events.LeftUnknown
	}
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

// retries counts the failures of an agent that asked for another try by it,
// in its last round.
func (st *Step) retries(agent string) int {
	_, begin, _ := st.rounds(agent)
	n := 0
	for _, a := range st.attempts()[begin:] {
		if a.Claim.Agent == agent && a.Failure != nil && a.Failure.Then == events.ThenRetry && a.Successor() == agent {
			n++
		}
	}
	return n
}

func (st *Step) attempts() []Attempt {
	if st == nil {
		return nil
	}
	return st.Attempts
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
