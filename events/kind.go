package events

// A Kind says which fact an event states.
type Kind uint8

// The kinds, in the order in which a saga meets them. The comment gives the
// step and the event token of its subject.
const (
	Submitted       Kind = iota + 1 // task.submitted: somebody wants a saga
	Rejected                        // task.rejected: the task was not acceptable
	Started                         // <step>.started: the claim of attempt 1
	Attempt                         // <step>.attempt-<n>: the claim of attempt n >= 2
	Failed                          // <step>.failed-<n>: attempt n failed, and what follows
	Pending                         // <step>.pending-<n>: the outcome of attempt n comes later
	Answered                        // <step>.answered-<k>: the kth time that somebody says an outcome
	Fallback                        // <step>.fallback-<agent>: to this agent, the step is yours
	Completed                       // <step>.completed: done
	Skipped                         // <step>.skipped: claimed, its condition did not hold
	Committed                       // saga.committed: the pivot is done, the saga never turns
	Unwinding                       // saga.unwinding: the latch, from here on only back
	Compensate                      // <step>.compensate-<agent>: to this agent, undo
	Compensated                     // <step>.compensated-<agent>: undone, or nothing was there
	UndoFailed                      // <step>.undofailed-<n>-<agent>: its nth try at undoing failed
	Redo                            // <step>.redo-<n>-<agent>: a person asks to undo again
	SagaCompleted                   // saga.completed: the end, forward
	SagaCompensated                 // saga.compensated: the end, backward
	Dismissed                       // saga.dismissed: a person saw to what was left undone by its end
)

// The step names that no step may have: they hold the events of a task and of
// the saga as a whole.
const (
	taskStep = "task"
	sagaStep = "saga"
)

// guard is the slot that must be free for an event to be accepted.
type guard uint8

const (
	unguarded guard = iota
	byLatch         // forward: while the saga has not turned
	byNext          // an attempt's outcome: while no later attempt was claimed
	byCommit        // the latch: while the saga is not committed
)

// grammar is the one table behind parsing, printing and guarding subjects.
var grammar = [...]struct {
	event string // the event's token up to the first hyphen
	step  string // "task", "saga", or "" for a step of the saga
	n     int    // lowest number in the qualifier, 0 where there is none
	max   int    // highest number
	agent bool   // the qualifier ends with an agent
	guard guard
}{
	Submitted:       {event: "submitted", step: taskStep},
	Rejected:        {event: "rejected", step: taskStep},
	Started:         {event: "started", guard: byLatch},
	Attempt:         {event: "attempt", n: 2, max: MaxAttempt, guard: byLatch},
	Failed:          {event: "failed", n: 1, max: MaxAttempt, guard: byNext},
	Pending:         {event: "pending", n: 1, max: MaxAttempt, guard: byNext},
	Answered:        {event: "answered", n: 1, max: MaxAnswer},
	Fallback:        {event: "fallback", agent: true, guard: byLatch},
	Completed:       {event: "completed", guard: byLatch},
	Skipped:         {event: "skipped", guard: byLatch},
	Committed:       {event: "committed", step: sagaStep, guard: byLatch},
	Unwinding:       {event: "unwinding", step: sagaStep, guard: byCommit},
	Compensate:      {event: "compensate", agent: true},
	Compensated:     {event: "compensated", agent: true},
	UndoFailed:      {event: "undofailed", n: 1, max: MaxAttempt, agent: true},
	Redo:            {event: "redo", n: 1, max: MaxRedo, agent: true},
	SagaCompleted:   {event: "completed", step: sagaStep, guard: byLatch},
	SagaCompensated: {event: "compensated", step: sagaStep},
	Dismissed:       {event: "dismissed", step: sagaStep},
}

// MaxAttempt bounds the attempts of a step and the tries at undoing it: a
// history is read in one round trip of at most 1,000 events.
const MaxAttempt = 999

// MaxAnswer bounds how often an outcome of a step can be said from outside.
// Consumers name each of these subjects, so the bound is small.
const MaxAnswer = 9

// MaxRedo bounds how often a person can ask to undo again. Consumers name each
// redo subject, so the bound is small.
const MaxRedo = 9

// Kinds returns every kind, in the order of their declaration.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(grammar)-1)
	for k := range grammar[1:] {
		kinds = append(kinds, Kind(k+1))
	}
	return kinds
}

func (k Kind) valid() bool { return k >= Submitted && int(k) < len(grammar) }

// String returns the name that people and data use: "started", "undofailed",
// and with the step where the bare name says too little: "saga.completed".
func (k Kind) String() string {
	switch {
	case !k.valid():
		return "unknown"
	case k == SagaCompleted || k == SagaCompensated:
		return sagaStep + "." + grammar[k].event
	default:
		return grammar[k].event
	}
}

// kindOf finds the kind of an event token in the room of a step name.
func kindOf(step, event string) (Kind, bool) {
	if step != taskStep && step != sagaStep {
		step = ""
	}
	for k := Submitted; k.valid(); k++ {
		if grammar[k].step == step && grammar[k].event == event {
			return k, true
		}
	}
	return 0, false
}
