package events

import (
	"encoding/json"
	"time"
)

// A Claim is the data of started and attempt-<n>: who runs the step, and why.
type Claim struct {
	Agent    string    `json:"agent"`
	Instance string    `json:"instance"`
	After    []string  `json:"after"`             // the steps that this one followed; empty: the task
	Trigger  Trigger   `json:"trigger"`           // the message that asked for it
	Cause    Cause     `json:"cause"`             // why there is this attempt
	Deadline time.Time `json:"deadline,omitzero"` // of the whole saga; said by the entry step
	Within   Duration  `json:"within,omitempty"`  // rerun: the deadline, counted from this event
	From     *Origin   `json:"from,omitempty"`    // rerun: the completion that is taken over
}

// An Origin is the event of another saga of the same type that says what is taken
// over from there.
type Origin struct {
	Saga string `json:"saga"`
	Seq  uint64 `json:"seq"`
}

// A Trigger names one message of one stream.
type Trigger struct {
	Stream string `json:"stream"`
	Seq    uint64 `json:"seq"`
}

// A Cause says why an attempt was claimed.
type Cause string

// The causes.
const (
	CauseTask     Cause = "task"     // the task was submitted
	CauseStep     Cause = "step"     // the steps before it are done
	CauseRetry    Cause = "retry"    // the last attempt failed
	CauseFallback Cause = "fallback" // another agent gave the step up
	CauseTakeover Cause = "takeover" // nobody knows the fate of the last attempt
	CauseAnswer   Cause = "answer"   // a person says how a step ended that had failed
	CauseRerun    Cause = "rerun"    // nothing is done: the result is another saga's
)

// Done is the data of completed and skipped.
type Done struct {
	Agent     string          `json:"agent"`
	Attempt   int             `json:"attempt"`
	After     []string        `json:"after"`
	Result    json.RawMessage `json:"result,omitempty"`     // what later steps may read
	ResultRef *Ref            `json:"result_ref,omitempty"` // instead of a result that is too large to travel
	Undo      json.RawMessage `json:"undo,omitempty"`       // what undoing needs; nobody else's business
	Context   *Context        `json:"context,omitempty"`
	Omitted   bool            `json:"context_omitted,omitempty"` // the context is too large: read the history
	From      *Origin         `json:"from,omitempty"`            // nothing was done here: the result is another saga's, and so is its undoing
}

// A Context carries what later steps may read, so that the happy path of a
// linear saga reads nothing.
type Context struct {
	Task      json.RawMessage            `json:"task"`
	Results   map[string]json.RawMessage `json:"results,omitempty"`     // by step
	Refs      map[string]Ref             `json:"result_refs,omitempty"` // of the steps whose results are on the shelf
	Deadline  time.Time                  `json:"deadline,omitzero"`
	Committed bool                       `json:"committed,omitempty"` // the pivot is done: whoever fails now cannot turn the saga
}

// A Ref stands for a result on the shelf. The digest is the object's name
// there.
type Ref struct {
	Digest string `json:"digest"` // sha256: and 64 hexadecimal digits
	Size   int64  `json:"size"`   // in bytes
}

// MaxContext is the size up to which a context travels with an event.
const MaxContext = 32 << 10

// MaxPayload is the size up to which a task is accepted, and an undo token with
// the result beside it. With the context and the headers an event stays below
// the broker's default of 1 MiB.
const MaxPayload = 512 << 10

// A Failure is the data of failed-<n>: what happened, what is left of it, and
// what follows. Whoever reads it needs no configuration to go on.
type Failure struct {
	Agent string   `json:"agent"`
	Error Error    `json:"error"`
	Class Class    `json:"class"`
	Left  Left     `json:"left"`
	Then  Then     `json:"then"`
	Due   Duration `json:"due,omitempty"`   // retry: how long after this event
	Next  string   `json:"next,omitempty"`  // the agent of the next attempt
	Chain []string `json:"chain,omitempty"` // fallback: the agents after next

	Throttled bool `json:"throttled,omitempty"` // retry: it was asked to come back later, and this try does not count
	Raw       *Raw `json:"raw,omitempty"`       // what was answered, for who debugs it
}

// MaxRaw is the size up to which an answer is kept with a failure.
const MaxRaw = 8 << 10

// Raw is the beginning of an answer that was no good, as it came. It may hold
// whatever a provider puts into its answers, so it stays out of logs.
type Raw struct {
	Text string `json:"text"`          // at most 8 KiB
	Cut  int64  `json:"cut,omitempty"` // how many bytes of it are left out
}

// An Error has a code for programs and a message for people.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A Class of failure decides what follows.
type Class string

// The classes.
const (
	Transient   Class = "transient"   // it may work next time
	Unavailable Class = "unavailable" // this agent can't, another one may
	Refused     Class = "refused"     // the task is not acceptable to anybody
	Unknown     Class = "unknown"     // it may have happened
)

// Left says what a failed attempt left behind.
type Left string

// What an attempt may leave.
const (
	LeftNothing Left = "nothing"
	LeftUndone  Left = "undone"  // it left something, which was undone
	LeftUnknown Left = "unknown" // nobody knows
)

// Then says what follows a failure.
type Then string

// What may follow a failed attempt, and a failed try at undoing. A person is
// asked where nothing else is left: undoing gave up, or a step failed in a saga
// that cannot turn any more.
const (
	ThenRetry    Then = "retry"
	ThenFallback Then = "fallback"
	ThenBack     Then = "back"
	ThenPerson   Then = "person"
)

// A Wait is the data of pending-<n>: the attempt was accepted, and its outcome
// comes from outside.
type Wait struct {
	Agent    string          `json:"agent"`
	WaitsFor string          `json:"waits_for"`          // in words: "the bank's confirmation"
	Person   bool            `json:"person,omitempty"`   // a person owes it: it stands in the inbox
	Question string          `json:"question,omitempty"` // what the person is asked
	Within   Duration        `json:"within,omitempty"`   // how long after this event; absent: until the saga's deadline
	Undo     json.RawMessage `json:"undo,omitempty"`     // what undoing needs if no answer comes
}

// An Answer is the data of answered-<k>: somebody outside says how a step ended
// whose agent could not. It is a message to that agent, which makes the outcome
// of it. A bare {"outcome": "completed"} is a valid one.
type Answer struct {
	Outcome Outcome         `json:"outcome"`
	Attempt int             `json:"attempt,omitempty"` // of which; absent: the last one
	By      string          `json:"by,omitempty"`      // a person or a program
	Reason  string          `json:"reason,omitempty"`  // a person's
	Data    json.RawMessage `json:"data,omitempty"`    // completed: the result
	Undo    json.RawMessage `json:"undo,omitempty"`    // completed: what undoing needs
	Error   *Error          `json:"error,omitempty"`   // of the others
	Next    string          `json:"next,omitempty"`    // retry: the agent to try; absent: the same
	Due     Duration        `json:"due,omitempty"`     // retry: how long after this event
}

// An Outcome is how a step ended, as somebody outside tells it.
type Outcome string

// The outcomes.
const (
	OutcomeCompleted   Outcome = "completed"
	OutcomeRefused     Outcome = "refused"     // the task is not acceptable: the saga turns
	OutcomeUnavailable Outcome = "unavailable" // not here: the next agent in the chain
	OutcomeRetry       Outcome = "retry"       // try again, here or at the agent in next
	OutcomeExpired     Outcome = "expired"     // nobody answered in time: as unavailable, but who knows what was done
)

// A Commitment is the data of committed: the step that was the pivot.
type Commitment struct {
	Step    string `json:"step"`
	Agent   string `json:"agent"`
	Attempt int    `json:"attempt"`
}

// A HandOver is the data of fallback-<agent>.
type HandOver struct {
	From    string `json:"from"`
	Attempt int    `json:"attempt"` // the attempt that failed
}

// A Turn is the data of unwinding, the latch.
type Turn struct {
	Reason Reason `json:"reason"`
	Step   string `json:"step,omitempty"` // the step that failed
	By     string `json:"by"`             // the agent instance or the person
	Error  *Error `json:"error,omitempty"`
}

// A Reason says why a saga turned.
type Reason string

// The reasons.
const (
	ReasonFailed    Reason = "failed"
	ReasonDeadline  Reason = "deadline"
	ReasonCancelled Reason = "cancelled"
	ReasonRejected  Reason = "rejected"
)

// A Rejection is the data of rejected: why the task was not acceptable.
type Rejection struct {
	Agent string `json:"agent"`
	Error Error  `json:"error"`
}

// An UndoOrder is the data of compensate-<agent>.
type UndoOrder struct {
	Reason  Reason          `json:"reason"`
	Attempt int             `json:"attempt"`
	Undo    json.RawMessage `json:"undo,omitempty"` // absent where the outcome was unknown
}

// An Undone is the data of compensated-<agent>.
type Undone struct {
	By     string `json:"by"`               // the agent instance, or a person
	Reason string `json:"reason,omitempty"` // a person's
	Found  Found  `json:"found"`
}

// Found says whether there was something to undo.
type Found string

// What undoing may find.
const (
	FoundUndone  Found = "undone"
	FoundNothing Found = "nothing"
)

// An UndoFailure is the data of undofailed-<n>-<agent>.
type UndoFailure struct {
	Error Error    `json:"error"`
	Then  Then     `json:"then"`          // retry, or person
	Due   Duration `json:"due,omitempty"` // retry: how long after this event
}

// A RedoOrder is the data of redo-<n>-<agent>.
type RedoOrder struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// An End is the data of saga.completed and of saga.compensated.
type End struct {
	Result map[string]json.RawMessage `json:"result,omitempty"`      // by step
	Refs   map[string]Ref             `json:"result_refs,omitempty"` // of the steps whose results are on the shelf
}

// A Dismissal is the data of saga.dismissed: a person saw to a saga whose work was
// not done. No agent decides by it.
type Dismissal struct {
	By     string `json:"by"` // a person
	Reason string `json:"reason,omitempty"`
	As     Fate   `json:"as"`
	To     string `json:"to,omitempty"` // redriven: the id of the saga that does it
}

// A Fate is what became of work that was not done.
type Fate string

// The fates.
const (
	Redriven Fate = "redriven" // another saga does it
	Dropped  Fate = "dropped"  // nobody will
)
