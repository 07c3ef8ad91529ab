package saga

import (
	"slices"

	"github.com/unwind-saga/unwind/events"
)

// A Status is how a saga stands, in one word.
type Status string

// What a saga may be.
const (
	Running     Status = "running"
	Waiting     Status = "waiting" // an outcome is to come from outside: a person's, mostly
	Unwinding   Status = "unwinding"
	Completed   Status = "completed"
	Compensated Status = "compensated"
	Stuck       Status = "stuck"    // undoing waits for a person, or a step that failed after the pivot
	Rejected    Status = "rejected" // the task was not acceptable, nothing was begun
)

// Status says how the saga stands.
func (s *State) Status() Status {
	stuck := func(st *Step) bool { return slices.ContainsFunc(st.Undos, (*Undo).Stuck) }
	switch {
	case s.Ended() && s.End.Forward:
		return Completed
	case s.Rejected != nil && len(s.Steps) == 0:
		return Rejected
	case s.Ended():
		return Compensated
	case slices.ContainsFunc(s.Steps, stuck), slices.ContainsFunc(s.Steps, s.Stranded):
		return Stuck
	case s.Turned():
		return Unwinding
	case slices.ContainsFunc(s.Steps, s.Waits):
		return Waiting
	default:
		return Running
	}
}

// A StepStatus is how a step stands, in one word.
type StepStatus string

// What a step may be.
const (
	StepWorking     StepStatus = "working"
	StepRetrying    StepStatus = "retrying"    // it waits for its next attempt
	StepHandedOver  StepStatus = "handed-over" // it waits for another agent
	StepPending     StepStatus = "pending"     // its outcome comes from outside
	StepCompleted   StepStatus = "completed"
	StepSkipped     StepStatus = "skipped"
	StepFailed      StepStatus = "failed"
	StepUndoing     StepStatus = "undoing"
	StepStuck       StepStatus = "stuck"
	StepCompensated StepStatus = "compensated"
)

// Status says how the step stands in its saga.
func (st *Step) Status(s *State) StepStatus {
	asked := func(u *Undo) bool { return u.Done == nil }
	last := st.Last()
	switch {
	case slices.ContainsFunc(st.Undos, (*Undo).Stuck):
		return StepStuck
	case slices.ContainsFunc(st.Undos, asked):
		return StepUndoing
	case len(st.Undos) > 0 && st.Resolved():
		return StepCompensated
	case st.Done != nil && st.Done.Skipped:
		return StepSkipped
	case st.Done != nil:
		return StepCompleted
	case last.Open():
		return StepWorking
	case last.Failure == nil:
		return StepPending
	case s.Stranded(st):
		return StepStuck
	case s.Turned() || last.Failure.Then == events.ThenBack:
		return StepFailed
	case last.Failure.Then == events.ThenFallback:
		return StepHandedOver
	default:
		return StepRetrying
	}
}
