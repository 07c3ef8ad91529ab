package saga

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// Fold reads a history. The events may come in any order, their sequences
// decide. A history that makes no sense is an error that names the event: no
// guess is made about a saga whose facts contradict each other.
//
// Writers are guarded by the broker, but guards are voluntary. So the fold
// judges too, and the lower sequence wins (I1, I5, I8): a latch above the saga's
// completion or above the pivot's commitment is void, and so is a forward event
// above the latch or above the completion.
func Fold(history []events.Event) (*State, error) {
	history = slices.Clone(history)
	slices.SortFunc(history, func(a, b events.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	s := &State{Length: len(history)}
	for _, e := range history {
		if err := s.apply(e); err != nil {
			return nil, fmt.Errorf("fold saga %s/%s at %d: %w", e.Subject.Type, e.Subject.ID, e.Seq, err)
		}
	}
	return s, nil
}

func (s *State) apply(e events.Event) error {
	if s.ID == "" {
		s.Type, s.ID = e.Subject.Type, e.Subject.ID
	}
	if s.Type != e.Subject.Type || s.ID != e.Subject.ID {
		return fmt.Errorf("event of another saga: %s", e.Subject)
	}
	s.Seq, s.Time = e.Seq, e.Time
	if s.void(e) {
		s.Void = append(s.Void, e)
		return s.stray(e)
	}
	switch e.Subject.Kind {
	case events.Submitted:
		s.Task = &e
		return nil
	case events.Rejected:
		return unpack(e, &s.Rejected)
	case events.Committed:
		s.Committed = &Commitment{Fact: factOf(e)}
		s.Rejected = nil // it did not turn the saga, and cannot any more
		return e.Unpack(&s.Committed.Commitment)
	case events.Unwinding:
		s.Turn = &Turn{Fact: factOf(e)}
		return e.Unpack(&s.Turn.Turn)
	case events.SagaCompleted, events.SagaCompensated:
		return s.end(e)
	case events.Dismissed:
		s.Dismissed = &Dismissal{Fact: factOf(e)}
		_ = e.Unpack(&s.Dismissed.Dismissal) // garbled or not, nothing depends on it
		return nil
	case events.Started, events.Attempt:
		return s.claim(e)
	}
	st := s.Step(e.Subject.Step)
	if st == nil {
		return fmt.Errorf("%s of step %q, which was never claimed", e.Subject.Event(), e.Subject.Step)
	}
	switch e.Subject.Kind {
	case events.Failed:
		return st.failed(e)
	case events.Pending:
		return st.pending(e)
	case events.Answered:
		st.answered(e)
		return nil
	case events.Fallback:
		st.Handed = append(st.Handed, e.Subject.Agent)
		return nil
	case events.Completed, events.Skipped:
		return st.done(e)
	case events.Compensate:
		return unpack(e, &st.undo(e).Order)
	case events.Compensated:
		st.undo(e).doneSeq = e.Seq
		return unpack(e, &st.undo(e).Done)
	case events.UndoFailed:
		return st.undo(e).failed(e)
	case events.Redo:
		u := st.undo(e)
		u.redoSeq, u.Redos = e.Seq, max(u.Redos, e.Subject.N)
		return nil
	default:
		return fmt.Errorf("%s of step %q: unknown kind", e.Subject.Event(), e.Subject.Step)
	}
}

// void reports whether an event came too late to count.
func (s *State) void(e events.Event) bool {
	switch e.Subject.Kind {
	case events.Unwinding, events.Rejected:
		return s.Ended() || s.Committed != nil
	case events.Answered:
		return s.Step(e.Subject.Step) == nil // whoever says it is ahead of the saga, or mistaken
	case events.Failed, events.Pending:
		// Whoever was overtaken may not say what it left.
		st := s.Step(e.Subject.Step)
		return st != nil && st.Overtaken(e.Subject.N) || s.voidClaim(e.Subject.Step, e.Subject.N)
	case events.Redo:
		return s.Step(e.Subject.Step) == nil // a slip of the pen of whoever asked
	case events.Compensate, events.Compensated, events.UndoFailed:
		// Whoever claimed too late, and undid what it did, says so.
		return s.Step(e.Subject.Step) == nil && s.voidClaim(e.Subject.Step, 1)
	case events.Completed, events.Skipped:
		// Two slots, and two configurations of one agent may have filled both.
		st := s.Step(e.Subject.Step)
		other := st != nil && st.Done != nil && st.Done.Skipped != (e.Subject.Kind == events.Skipped)
		return other || s.Turned() || s.Ended()
	default:
		return e.Subject.Kind.Forward() && (s.Turned() || s.Ended())
	}
}

// voidClaim reports whether an attempt's claim did not count.
func (s *State) voidClaim(step string, n int) bool {
	return slices.ContainsFunc(s.Void, func(v events.Event) bool {
		return v.Subject == events.ClaimSubject(s.Type, step, n, s.ID)
	})
}

func (s *State) end(e events.Event) error {
	if e.Subject.Kind == events.SagaCompensated && !s.Turned() {
		return fmt.Errorf("%s of a saga that never turned", e.Subject.Kind)
	}
	if s.Ended() {
		return fmt.Errorf("%s of a saga that ended", e.Subject.Kind)
	}
	var data events.End
	if err := e.Unpack(&data); err != nil {
		return err
	}
	s.End = &End{Fact: factOf(e), Forward: e.Subject.Kind == events.SagaCompleted, Result: data.Result, Refs: data.Refs}
	return nil
}

func (s *State) claim(e events.Event) error {
	var claim events.Claim
	if err := e.Unpack(&claim); err != nil {
		return err
	}
	if err := events.ValidAgent(claim.Agent); err != nil {
		return fmt.Errorf("%s of step %q: %w", e.Subject.Event(), e.Subject.Step, err)
	}
	st, n := s.Step(e.Subject.Step), max(e.Subject.N, 1)
	if st == nil {
		for _, name := range claim.After {
			// What is taken over from another saga is claimed before any of it is
			// said to be done: then nobody who hears of it begins it anew.
			if before := s.Step(name); before == nil || before.Done == nil && claim.Cause != events.CauseRerun {
				return fmt.Errorf("%s of step %q after step %q, which is not done", e.Subject.Event(), e.Subject.Step, name)
			}
		}
		st = &Step{Name: e.Subject.Step, After: claim.After}
		s.Steps = append(s.Steps, st)
	}
	if n != len(st.Attempts)+1 {
		return fmt.Errorf("%s of step %q, whose attempts so far are %d", e.Subject.Event(), st.Name, len(st.Attempts))
	}
	if s.Deadline.IsZero() {
		s.Deadline = claim.Deadline
		if claim.Within > 0 {
			s.Deadline = e.Time.Add(time.Duration(claim.Within))
		}
	}
	a := Attempt{N: n, Claim: claim, Claimed: factOf(e)}
	if n > 1 && claim.Cause == events.CauseTakeover {
		last := st.Last()
		a.void = last.Failure != nil || last.Wait != nil
	}
	st.Attempts = append(st.Attempts, a)
	st.finish()
	return nil
}

// attempt finds the attempt whose outcome an event tells. A void attempt took
// over one that waited for its outcome already: what comes of that one is told
// under the void one's number, since a guard keeps its own closed.
func (st *Step) attempt(e events.Event) (*Attempt, error) {
	n := e.Subject.N
	if n > len(st.Attempts) {
		return nil, fmt.Errorf("%s of step %q, whose attempts so far are %d", e.Subject.Event(), st.Name, len(st.Attempts))
	}
	if last := st.Last(); st.Attempts[n-1].void && last.N < n && last.Waiting() {
		n = last.N
	}
	return &st.Attempts[n-1], nil
}

func (st *Step) failed(e events.Event) error {
	a, err := st.attempt(e)
	if err != nil {
		return err
	}
	a.Failed = factOf(e)
	if err := unpack(e, &a.Failure); err != nil {
		return err
	}
	return st.follows(e, *a.Failure)
}

// follows checks that what a failure says to follow can be done.
func (st *Step) follows(e events.Event, f events.Failure) error {
	var err error
	switch {
	case f.Then == events.ThenFallback || f.Then == events.ThenRetry && f.Next != "":
		err = events.ValidAgent(f.Next)
	case f.Then != events.ThenRetry && f.Then != events.ThenBack && f.Then != events.ThenPerson:
		err = fmt.Errorf("then %q: want retry, fallback, back or person", f.Then)
	}
	if err != nil {
		return fmt.Errorf("%s of step %q: %w", e.Subject.Event(), st.Name, err)
	}
	return nil
}

func (st *Step) pending(e events.Event) error {
	a, err := st.attempt(e)
	if err != nil {
		return err
	}
	a.Waited = factOf(e)
	return unpack(e, &a.Wait)
}

// stray keeps a completion that came after the step was skipped. It does not
// count, but its effect may be there, and whoever made it may die before it sees
// that.
func (s *State) stray(e events.Event) error {
	st := s.Step(e.Subject.Step)
	if e.Subject.Kind != events.Completed || st == nil || st.Done == nil || !st.Done.Skipped {
		return nil
	}
	return unpack(e, &st.strayed)
}

func (st *Step) done(e events.Event) error {
	if st.Done != nil {
		return fmt.Errorf("%s of step %q, which is done", e.Subject.Event(), st.Name)
	}
	st.Done = &Done{Fact: factOf(e), Skipped: e.Subject.Kind == events.Skipped}
	if err := e.Unpack(&st.Done.Done); err != nil {
		return err
	}
	if !slices.ContainsFunc(st.Attempts, func(a Attempt) bool { return a.Claim.Agent == st.Done.Agent }) {
		return fmt.Errorf("%s of step %q by agent %q, which never claimed it", e.Subject.Event(), st.Name, st.Done.Agent)
	}
	st.finish()
	return nil
}

// finish ends every attempt of the agent that completed the step. One agent
// has one key for all its attempts: what one of them did, the others find
// done, also one that took over while the completion was on its way.
func (st *Step) finish() {
	if st.Done == nil {
		return
	}
	for i := range st.Attempts {
		if a := &st.Attempts[i]; a.Claim.Agent == st.Done.Agent && a.Failure == nil {
			a.finished = true
		}
	}
}

func (st *Step) undo(e events.Event) *Undo {
	u := st.Undo(e.Subject.Agent)
	if u == nil {
		u = &Undo{Agent: e.Subject.Agent}
		st.Undos = append(st.Undos, u)
	}
	return u
}

func (u *Undo) failed(e events.Event) error {
	f := UndoFailure{Fact: factOf(e)}
	if err := e.Unpack(&f.UndoFailure); err != nil {
		return err
	}
	u.Failures = append(u.Failures, f)
	return nil
}

// unpack decodes an event's data into a value of its own.
func unpack[T any](e events.Event, into **T) error {
	*into = new(T)
	return e.Unpack(*into)
}
