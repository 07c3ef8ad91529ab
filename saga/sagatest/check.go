package sagatest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Check says where a history breaks the invariants that can be read from it:
// I1, I2, I3, I5, I7 and I8. Those of them that speak of every moment (I2, I3) are
// checked at every event, unless a late replica took part.
func Check(history []events.Event, late bool) error {
	var wrong []error
	broken := func(invariant, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s is broken: %s", invariant, fmt.Sprintf(format, args...)))
	}
	has := func(k events.Kind) bool {
		return slices.ContainsFunc(history, func(e events.Event) bool { return e.Subject.Kind == k })
	}
	if has(events.SagaCompleted) && has(events.SagaCompensated) {
		broken("I1", "the saga has two ends")
	}
	for i, e := range history {
		before, err := saga.Fold(history[:i])
		if err != nil {
			return err
		}
		switch {
		case e.Subject.Kind == events.SagaCompleted && before.Turned():
			broken("I1", "the saga turned, and ended forward at %d", e.Seq)
		case e.Subject.Kind == events.Unwinding && before.Committed != nil:
			broken("I8", "the saga committed, and turned at %d", e.Seq)
		case late && before.Ended() && (e.Subject.Kind == events.Started || e.Subject.Kind == events.Attempt):
			// No guard keeps out the claim of a late replica, and it does not count.
		case late && before.Ended() && otherwise(before, e):
			// Nor its completion of a step that its twin has skipped.
		case e.Subject.Kind.Forward() && (before.Turned() || before.Ended()):
			broken("I5", "%s at %d stands above the latch or the end", e.Subject, e.Seq)
		case e.Subject.Kind == events.SagaCompensated:
			for _, st := range before.Steps {
				if !st.Resolved() {
					broken("I2", "compensated at %d, while step %q is not resolved", e.Seq, st.Name)
				}
			}
		case e.Subject.Kind == events.Compensate && !late:
			for _, f := range followers(before, e.Subject.Step) {
				if !f.Resolved() {
					broken("I3", "step %q is to be undone at %d, while step %q, which followed it, is not resolved", e.Subject.Step, e.Seq, f.Name)
				}
			}
		case e.Subject.Kind == events.Failed:
			f := decode[events.Failure](e)
			if f.Agent == "" || f.Class == "" || f.Error.Code == "" || f.Then == "" {
				broken("I7", "%s at %d does not say who failed, of what class, and what follows", e.Subject, e.Seq)
			}
		}
	}
	return errors.Join(wrong...)
}

// otherwise reports whether an event says that a step is completed which was
// skipped, or the reverse.
func otherwise(s *saga.State, e events.Event) bool {
	st := s.Step(e.Subject.Step)
	return st != nil && st.Done != nil &&
		(st.Done.Skipped && e.Subject.Kind == events.Completed || !st.Done.Skipped && e.Subject.Kind == events.Skipped)
}

// followers lists every step that came after one, however far: stricter than
// what the rules need, and told in other words.
func followers(s *saga.State, name string) []*saga.Step {
	var list []*saga.Step
	for _, st := range s.Steps {
		if slices.Contains(st.After, name) {
			list = append(append(list, st), followers(s, st.Name)...)
		}
	}
	return list
}
