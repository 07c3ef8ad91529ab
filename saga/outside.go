package saga

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// An Answer is what somebody outside said of a step: how it ended, where its
// agent could not know or could not go on.
type Answer struct {
	events.Answer
	Fact
	K int // the kth of its step
}

// Waiting reports whether the attempt was accepted and its outcome is to come
// from outside.
func (a Attempt) Waiting() bool { return a.Wait != nil && a.Failure == nil && !a.finished }

// Answer is what was said of the last attempt: the first of the answers that
// speak of it. Nil: nobody has said anything that counts.
//
// An answer may come before the attempt says that it waits for one, and an
// attempt may be taken over meanwhile: what was said of it holds for every
// attempt of its agent that follows without a failure in between, since they
// all work under one key.
func (st *Step) Answer() *Answer {
	last := st.Last()
	for i := range st.Answers {
		if a := &st.Answers[i]; st.understands(a) && st.speaksOf(a, last) {
			return a
		}
	}
	return nil
}

func (st *Step) speaksOf(a *Answer, last Attempt) bool {
	if f := last.Failure; a.Attempt > last.N || f != nil && (!last.gaveUp() || a.Seq < last.Failed.Seq || !a.ahead()) {
		return false
	}
	return !slices.ContainsFunc(st.Attempts[a.Attempt-1:last.N], func(b Attempt) bool {
		return !b.void && (b.Claim.Agent != last.Claim.Agent || b.N < last.N && b.Failure != nil)
	})
}

// saidOf reports whether somebody outside says that an agent's part was done, in
// its last round at the step.
func (st *Step) saidOf(agent string) bool {
	_, begin, _ := st.rounds(agent)
	return slices.ContainsFunc(st.Attempts[begin:], func(a Attempt) bool { return a.said && a.Claim.Agent == agent })
}

// ahead reports whether an answer leads on. Of what has failed already nobody
// needs to be told that it did.
func (a *Answer) ahead() bool {
	return a.Outcome == events.OutcomeCompleted || a.Outcome == events.OutcomeRetry
}

// understands reports whether an answer says anything. Anybody may write one by
// hand.
func (st *Step) understands(a *Answer) bool {
	switch a.Outcome {
	case events.OutcomeCompleted, events.OutcomeRefused, events.OutcomeUnavailable, events.OutcomeExpired:
		return true
	case events.OutcomeRetry:
		return a.Next == "" || slices.Contains(st.Agents(), a.Next) && !st.Undone(a.Next)
	default:
		return false
	}
}

// Agents lists those who perform the step, as far as the history names them: who
// has had it, and who comes after them in the chain. A person may hand it to any
// of them that has not said that its part is undone: that can be said once.
func (st *Step) Agents() []string {
	var names []string
	for _, a := range st.Attempts {
		names = append(names, a.Claim.Agent)
		if a.Failure != nil && a.Failure.Then == events.ThenFallback {
			names = append(append(names, a.Failure.Next), a.Failure.Chain...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// NextAnswer is the number under which the next answer to a step is written.
// Two who answer at the same moment write the same number, and one is refused.
func (s *State) NextAnswer(step string) int {
	k := 0
	if st := s.Step(step); st != nil {
		for _, a := range st.Answers {
			k = max(k, a.K)
		}
	}
	for _, e := range s.Void {
		if e.Subject.Kind == events.Answered && e.Subject.Step == step {
			k = max(k, e.Subject.N)
		}
	}
	return k + 1
}

// answered keeps an answer. One that cannot be read is kept too, and says
// nothing: a slip of the pen puts no saga aside.
func (st *Step) answered(e events.Event) {
	a := Answer{Fact: factOf(e), K: e.Subject.N}
	if json.Unmarshal(e.Data, &a.Answer) != nil {
		a.Answer = events.Answer{}
	}
	if a.Attempt < 1 {
		a.Attempt = st.Last().N
	}
	st.Answers = append(st.Answers, a)
	if a.Outcome == events.OutcomeCompleted && a.Attempt <= len(st.Attempts) {
		st.Attempts[a.Attempt-1].said = true
	}
}

// gaveUp reports whether the attempt failed and nobody but a person can go on.
func (a Attempt) gaveUp() bool {
	return a.Failure != nil && (a.Failure.Then == events.ThenBack || a.Failure.Then == events.ThenPerson)
}

// A sequel is what follows the last attempt of a step that is not done.
type sequel struct {
	then  events.Then // empty while the outcome is not known
	agent string      // of the next attempt
	due   time.Time
	seq   uint64 // of the event that says so
}

// sequel says what follows: as the failure has it, or a person. In a saga that
// is committed nobody can turn, so a failure that says back, by an agent that
// did not know, is a person's as well.
func (s *State) sequel(st *Step) sequel {
	last := st.Last()
	if last.Failure == nil {
		return sequel{}
	}
	q := sequel{then: last.Failure.Then, agent: last.Failure.Next, seq: last.Failed.Seq}
	switch {
	case q.then == events.ThenRetry:
		q.agent, q.due = last.Successor(), last.Failed.Time.Add(time.Duration(last.Failure.Due))
	case q.then == events.ThenBack && s.Committed != nil, q.then == events.ThenPerson:
		q.then = events.ThenPerson
		if a := st.Answer(); a != nil && a.Outcome == events.OutcomeRetry {
			return sequel{events.ThenRetry, cmp.Or(a.Next, last.Claim.Agent), a.Time.Add(time.Duration(a.Due)), a.Seq}
		}
	}
	return q
}

// Waits reports whether the saga goes forward and the step's outcome is to come
// from outside.
func (s *State) Waits(st *Step) bool {
	return s.forward() && st.Done == nil && st.Last().Waiting() && st.Answer() == nil
}

// Stranded reports whether the step failed in a saga that cannot turn any more:
// a person has to bring it to its end.
func (s *State) Stranded(st *Step) bool {
	return s.forward() && st.Done == nil && s.sequel(st).then == events.ThenPerson && st.Answer() == nil
}

func (s *State) forward() bool { return !s.Turned() && !s.Ended() }

// overdue is the timer after which an answer is not waited for any longer.
func (s *State) overdue(st *Step) Moves {
	last := st.Last()
	if last.Wait.Within <= 0 || st.Answer() != nil {
		return Moves{}
	}
	return Moves{Timers: []events.Timer{{
		Type: s.Type, To: last.Claim.Agent, What: events.AnswerTimer, N: last.N, ID: s.ID,
		Due: last.Waited.Time.Add(time.Duration(last.Wait.Within)), Seq: last.Waited.Seq,
	}}}
}
