package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/saga"
)

// Why something that was asked of a saga was not done. Nothing was written
// then, or what was written counts for nothing, which the error says. The errors
// that wrap these say more, and what to do about it on a line that begins with
// "hint: ".
var (
	// ErrDuplicate: there is a saga with this id, and ids are never used
	// again.
	ErrDuplicate = errors.New("there is a saga with this id already")
	// ErrBadTask: no agent could accept it, so it was not submitted.
	ErrBadTask = errors.New("bad task")
	// ErrNoSaga: nobody has heard of the saga.
	ErrNoSaga = errors.New("there is no such saga")
	// ErrTurned: the saga unwinds already.
	ErrTurned = errors.New("it unwinds already")
	// ErrEnded: the saga has ended.
	ErrEnded = errors.New("it has ended")
	// ErrForward: the saga goes forward, so there is nothing to undo yet.
	ErrForward = errors.New("it goes forward")
	// ErrNotAsked: nothing was asked of the agent at the step.
	ErrNotAsked = errors.New("it was not asked to undo anything")
	// ErrUndone: the agent's work was undone already.
	ErrUndone = errors.New("it was undone already")
	// ErrCommitted: the pivot is done, there is no way back.
	ErrCommitted = errors.New("it cannot turn any more")
	// ErrNotWaiting: nobody waits for an answer to the step, or not for one
	// about this attempt.
	ErrNotWaiting = errors.New("no answer is waited for")
	// ErrWaiting: an answer is waited for, so that what happened is not late.
	ErrWaiting = errors.New("it still waits for an answer")
	// ErrAnswered: somebody else was first.
	ErrAnswered = errors.New("it has been answered")
	// ErrAnswers: a step can be answered so often and no more.
	ErrAnswers = errors.New("it was answered as often as possible")
	// ErrBadAnswer: nobody could make an outcome of the answer.
	ErrBadAnswer = errors.New("bad answer")
	// ErrRuns: the saga goes on.
	ErrRuns = errors.New("it has not ended")
	// ErrDismissed: somebody saw to it already.
	ErrDismissed = errors.New("somebody saw to it already")
	// ErrRedos: a person can ask so often and no more.
	ErrRedos = errors.New("it was asked to undo again as often as possible")
)

// refuse wraps a reason with what was attempted, and what can be done.
func refuse(attempt string, reason error, hint string) error {
	return fmt.Errorf("%s: %w\nhint: %s", attempt, reason, hint)
}

// A badTask says what is wrong with a task; that it is bad goes without saying.
type badTask struct{ error }

func (badTask) Is(target error) bool { return target == ErrBadTask }
func (b badTask) Unwrap() error      { return b.error }

// steps lists the steps of a saga for a hint.
func steps(s *saga.State) string {
	names := make([]string, len(s.Steps))
	for i, st := range s.Steps {
		names[i] = st.Name
	}
	if len(names) == 0 {
		return "none of its steps has begun"
	}
	return "its steps so far are " + strings.Join(names, ", ")
}
