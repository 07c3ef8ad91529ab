package owed

import (
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A Kind says what is owed.
type Kind string

// What may be owed.
const (
	Submit   Kind = "submit"    // the task itself
	Begin    Kind = "begin"     // a step that nobody has claimed
	Perform  Kind = "perform"   // a step that is worked on
	Retry    Kind = "retry"     // the next attempt
	TakeOver Kind = "take-over" // a step that was handed on
	Outcome  Kind = "outcome"   // what comes from outside, from no person
	Answer   Kind = "answer"    // a person's answer
	Mend     Kind = "mend"      // a person: a step failed after the pivot
	Hear     Kind = "hear"      // an answer that was given is to be taken up
	Turn     Kind = "turn"      // the latch, after a failure for good, or a deadline
	Undo     Kind = "undo"      // an undoing
	Help     Kind = "help"      // a person: an undoing gave up
	Order    Kind = "order"     // the next orders to undo
	End      Kind = "end"       // the saga's end
)

// A Debt is one thing that a saga waits for.
type Debt struct {
	Kind    Kind
	Step    string    // empty: the saga as a whole, or a step that nobody knows by name
	Agent   string    // who owes it; empty: any agent of the type, somebody outside, or nobody knows who
	After   []string  // begin: what the step follows; empty: the task
	Attempt int       // that is worked on, or to be made
	Since   time.Time // it has been owed since then; zero where the history does not say
	Due     time.Time // when it is to happen; or when it is given up; zero: at once, or never
	Why     *events.Error

	Instance  string         // perform: who claimed the attempt
	From      string         // take-over: who handed the step on
	Throttled bool           // retry: its agent was asked to come back then
	What      string         // answer, outcome: what is asked or waited for, in words
	By        string         // hear: who said it; retry: who asked for it
	Said      events.Outcome // hear: what was said
	Tries     int            // undo, help: how often it failed
	Waits     []string       // begin: the steps among those it follows that are not done
}

// door is the purpose of the consumer to which the message comes that a debt is
// about.
func (d Debt) door() events.Purpose {
	switch d.Kind {
	case Retry:
		return events.ForTimers
	case Undo:
		if d.Tries > 0 {
			return events.ForTimers
		}
		return events.ForCompensate
	case Hear:
		return events.ForCompensate
	case Turn, Order, End:
		return events.ForLatch
	default:
		return events.ForForward
	}
}

// Person reports whether a person owes it.
func (d Debt) Person() bool { return d.Kind == Answer || d.Kind == Mend || d.Kind == Help }

// Of lists what a saga waits for. The history may be nil, it only dates what the
// state does not; so may the presence be empty: then who follows a step is not
// known by name.
func Of(s *saga.State, history []events.Event, p Presence) []Debt {
	switch {
	case s.Ended():
		return nil
	case s.Turned():
		return back(s, history)
	case s.Rejected != nil && s.Committed == nil:
		return []Debt{{Kind: Turn, Since: s.Time, Why: &s.Rejected.Error}}
	default:
		return forward(s, p)
	}
}

// timeOf finds when an event was written.
func timeOf(history []events.Event, subject events.Subject) time.Time {
	for _, e := range history {
		if e.Subject == subject {
			return e.Time
		}
	}
	return time.Time{}
}
