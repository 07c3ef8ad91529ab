package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A Handler is what an agent's author writes.
type Handler struct {
	// Perform does the step's work.
	Perform func(ctx context.Context, t Task) (Result, error)
	// Compensations undo it, each under the name by which the agent's
	// configuration chooses it.
	Compensations Compensations
}

// Compensations are functions that undo, by name. [ErrNothingFound] says that
// there was nothing to undo; any other error is tried again.
type Compensations map[string]func(ctx context.Context, u Undo) error

// ErrNothingFound is the answer of a compensation that found nothing to undo.
// It is a success.
var ErrNothingFound = errors.New("nothing to undo")

// A Task is a step to be performed.
type Task struct {
	Type    string // of the saga
	ID      string // of the saga
	Step    string
	Agent   string
	Attempt int    // over all agents of the step
	Key     string // idempotency key

	Payload  json.RawMessage            // the task as it was submitted
	Results  map[string]json.RawMessage // of the steps before this one, but for those in Refs
	Refs     map[string]events.Ref      // of those whose results were too large to come along: Result loads them
	Deadline time.Time                  // when the saga turns by itself; zero if nobody said
	Left     time.Duration              // until this call's timeout, or the deadline if that is sooner

	load func(events.Ref) (json.RawMessage, error) // within the call's time
}

// Decode reads the payload of the saga's task.
func (t Task) Decode(into any) error {
	if err := json.Unmarshal(t.Payload, into); err != nil {
		return fmt.Errorf("decode task of saga %s/%s: %w", t.Type, t.ID, err)
	}
	return nil
}

// Result reads the result of a step before this one. One that was too large to
// come along is loaded now, within the call's time: whoever does not ask for it
// does not wait for it. Into a json.RawMessage it is read as it is.
func (t Task) Result(step string, into any) error {
	data, err := t.read(step)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode result of step %q of saga %s/%s: %w", step, t.Type, t.ID, err)
	}
	return nil
}

// A Result is what came of a step. Data and Undo are written as JSON.
type Result struct {
	Data any // what later steps may read; over 32 KiB it is stored apart from the history, at most 64 MiB
	Undo any // what undoing needs; given back to this agent only

	// Pending says that the step was accepted and that its outcome comes later,
	// from outside: from a person, a callback, a program that works for hours. No
	// process and no message waits meanwhile. There is no Data then. Who brings
	// the outcome needs the saga's type and id, the step, and [Task.Attempt].
	Pending *Pending
}

// Pending is what a step waits for.
type Pending struct {
	For      string        // in words: "the bank's confirmation"
	Person   bool          // a person owes it: it stands in the inbox
	Question string        // what the person is asked
	Within   time.Duration // how long; then this agent has failed, and the chain goes on. 0: until the saga's deadline
}

// An Undo is a step to be undone.
type Undo struct {
	Type    string
	ID      string
	Step    string
	Agent   string
	Attempt int
	Key     string // idempotency key of the undoing
	Of      string // idempotency key of what is to be undone
	Reason  events.Reason

	// Token is [Result.Undo] of the attempt to be undone. It is absent where
	// the outcome was unknown: then look by the key.
	Token json.RawMessage
}

// Decode reads the undo token; false means that there is none.
func (u Undo) Decode(into any) (bool, error) {
	if len(u.Token) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(u.Token, into); err != nil {
		return false, fmt.Errorf("decode undo token of step %q of saga %s/%s: %w", u.Step, u.Type, u.ID, err)
	}
	return true, nil
}
