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
	Raw        *events.Raw   // what was answered
	Left       events.Left   // what this attempt left
	RetryAfter time.Duration // the least wait before the next try
	GivenUp    bool          // this agent shall not try again, whatever the class
	Committed  bool          // the saga cannot turn any more
	Throttled  bool          // it was asked to come back after RetryAfter, and the history is short: see [Patience]
	Back       bool          // nobody shall, neither this agent nor another
}

// Endless is how many attempts at a step are made, one after the other and
// whatever the retry policy says, before a person is asked, in a saga that
// cannot turn any more. A history is bounded, so there is no real endlessness.
const Endless = 100

// Patience is how many events a history may have while a try that was throttled
// does not count. It bounds, with the deadline, how often a saga comes back to
// a provider that is never ready: what is written has to be read, all at once.
const Patience = 200

// Decide says what follows a failed attempt: another try, the next agent in
// the chain, the way back, or a person where there is no way back. st is the step as it was read, nil when the
// attempt is the first and nothing was read. random, in [0, 1), draws the
// jitter.
//
// What a failure says to be left is what any attempt of the agent may have left:
// all of it must be undone before the step is handed on. That holds for the way
// back too: if the saga is committed meanwhile, a person may hand the step on.
//
// Who was throttled comes back as often as it takes, while nobody else could
// take the step over: with a stand-in, its tries count as any others.
func (r Role) Decide(st *Step, b Setback, random float64) events.Failure {
	if r.NeverRefuses && b.Class == events.Refused && !b.Back {
		b.Class = events.Unavailable // its author promised: it is the agent that can't
	}
	f := events.Failure{Agent: r.Agent, Error: b.Error, Class: b.Class, Left: b.Left, Raw: b.Raw}
	again := b.Class != events.Unavailable && b.Class != events.Refused && !b.GivenUp && !b.Back
	tries, throttled := st.retries(r.Agent)
	chain := r.chain(st)
	_, _, from := st.rounds(r.Agent)
	retry := func(wait time.Duration) events.Failure {
		f.Then, f.Due = events.ThenRetry, events.Duration(max(wait, b.RetryAfter))
		return f
	}
	switch {
	case b.Throttled && !b.GivenUp && !b.Back && b.Class != events.Refused && from == "" && len(chain) == 0:
		f.Throttled = true
		if b.Class == events.Unavailable {
			return retry(0) // who can't says itself when it can
		}
		return retry(r.Retry.Wait(throttled, random))
	case again && tries < r.Retry.MaxRetries:
		return retry(r.Retry.Wait(tries, random))
	case b.Class == events.Refused || b.Back:
		f.Then = events.ThenBack
	case from != "":
		f.Then, f.Next = events.ThenRetry, from // to whoever handed the step back
	case len(chain) > 0:
		f.Then, f.Next, f.Chain = events.ThenFallback, chain[0], chain[1:]
	case b.Committed && again && len(st.attempts()) < Endless:
		return retry(r.Retry.Wait(tries, random))
	default:
		f.Then = events.ThenBack
	}
	if b.Committed && f.Then == events.ThenBack {
		f.Then = events.ThenPerson
	}
	if st.MayHaveLeft(r.Agent) {
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
// have had an effect, or somebody outside says that its part was done.
func (st *Step) MayHaveLeft(agent string) bool {
	if st == nil {
		return false
	}
	return st.saidOf(agent) || slices.ContainsFunc(st.Attempts[:len(st.Attempts)-1], func(a Attempt) bool {
		return a.Claim.Agent == agent && (a.Failure == nil && !a.void || a.Failure != nil && a.Failure.Left == events.LeftUnknown)
	})
}

// retries counts the failures of an agent in its last round that asked for
// another try by it: those that count, and those that do not because the agent
// was throttled.
func (st *Step) retries(agent string) (counted, throttled int) {
	_, begin, _ := st.rounds(agent)
	for _, a := range st.attempts()[begin:] {
		switch {
		case a.Claim.Agent != agent || a.Failure == nil || a.Failure.Then != events.ThenRetry || a.Successor() != agent:
		case a.Failure.Throttled:
			throttled++
		default:
			counted++
		}
	}
	return counted, throttled
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
