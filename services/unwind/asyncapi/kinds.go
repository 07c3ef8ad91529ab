package asyncapi

import (
	"encoding/json"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// A writer is who writes a kind of event.
type writer uint

const (
	upstream writer = 1 << iota // whoever wants a saga
	outside                     // a person, a callback, an operator
	worker                      // the agent at its own step
	entry                       // an agent that begins with the task
	final                       // an agent whose step is the last
	pivot                       // an agent after whose step there is no way back
	anybody                     // whichever agent of the type is alive
)

// said is what people are told of a kind, who writes it, and an example of its
// data.
type said struct {
	summary string
	by      writer
	example any
}

var deadline = time.Date(2026, 1, 1, 12, 10, 0, 0, time.UTC)

// tellings has every kind.
var tellings = map[events.Kind]said{
	events.Submitted: {"Somebody wants a saga. The body is the payload, any JSON; it needs no headers.", upstream,
		json.RawMessage(`{"name":"Anna Eriksson"}`)},
	events.Rejected: {"The task is not acceptable. The latch comes next.", entry,
		events.Rejection{Agent: "id-extraction", Error: events.Error{Code: "rejected", Message: "the task is not JSON"}}},
	events.Started: {"The claim of attempt 1: this agent runs the step.", worker,
		events.Claim{
			Agent: "id-extraction", Instance: "id-extraction@7f3a90c1", After: []string{}, Trigger: events.Trigger{Stream: "SAGA_kyc", Seq: 7},
			Cause: events.CauseTask, Deadline: deadline,
		}},
	events.Attempt: {"The claim of a later attempt: a retry, a hand-over, or a takeover from one whose fate nobody knows.", worker,
		events.Claim{
			Agent: "face-matching", Instance: "face-matching@0b5d11e2", After: []string{"id-extraction"},
			Trigger: events.Trigger{Stream: "TIMERS", Seq: 12}, Cause: events.CauseRetry,
		}},
	events.Failed: {"Attempt n failed: what it left, and what follows.", worker,
		events.Failure{
			Agent: "face-matching", Error: events.Error{Code: "status_503", Message: "the provider is down"}, Class: events.Transient,
			Left: events.LeftNothing, Then: events.ThenRetry, Due: events.Duration(1250 * time.Millisecond),
		}},
	events.Pending: {"Attempt n was accepted; its outcome comes from outside.", worker,
		events.Wait{Agent: "operator", WaitsFor: "a decision", Person: true, Question: "is it her?", Within: events.Duration(time.Hour)}},
	events.Answered: {"Somebody says how a step ended that could not know, or could not go on. A bare body will do.", outside | worker,
		events.Answer{Outcome: events.OutcomeCompleted, Attempt: 1, By: "ada", Data: json.RawMessage(`{"alike":true}`)}},
	events.Fallback: {"To this agent: the step is yours now.", worker, events.HandOver{From: "face-matching", Attempt: 4}},
	events.Completed: {"The step is done.", worker,
		events.Done{
			Agent: "risk-scoring", Attempt: 1, After: []string{"face-matching", "document-validation"}, Result: json.RawMessage(`{"score":20}`),
			Undo: json.RawMessage(`"case-9"`), Context: &events.Context{Task: json.RawMessage(`{"name":"Anna Eriksson"}`), Deadline: deadline},
		}},
	events.Skipped: {"The step was claimed, and its condition did not hold.", worker,
		events.Done{Agent: "risk-scoring", Attempt: 1, After: []string{"face-matching"}, Omitted: true}},
	events.Committed: {"The pivot is done: the saga cannot turn any more. It comes before the pivot's completion.", pivot,
		events.Commitment{Step: "payment", Agent: "payment", Attempt: 1}},
	events.Unwinding: {"The latch: from here on the saga only goes back.", anybody | outside,
		events.Turn{Reason: events.ReasonFailed, Step: "risk-scoring", By: "risk-scoring@7f3a90c1", Error: &events.Error{Code: "risk", Message: "risk 80 of 100"}}},
	events.Compensate: {"To this agent: undo what you did at the step.", anybody,
		events.UndoOrder{Reason: events.ReasonFailed, Attempt: 1, Undo: json.RawMessage(`"case-9"`)}},
	events.Compensated: {"Undone, or there was nothing to undo.", worker | outside,
		events.Undone{By: "risk-scoring@7f3a90c1", Found: events.FoundUndone}},
	events.UndoFailed: {"The nth try at undoing failed: another follows, or a person is asked.", worker,
		events.UndoFailure{Error: events.Error{Code: "transient", Message: "the register is locked"}, Then: events.ThenRetry, Due: events.Duration(time.Second)}},
	events.Redo: {"Somebody asks to undo once more.", outside | worker, events.RedoOrder{By: "ada", Reason: "the register is back"}},
	events.SagaCompleted: {"The end, forward: what the steps answered.", final,
		events.End{Result: map[string]json.RawMessage{"risk-scoring": json.RawMessage(`{"score":20}`)}}},
	events.SagaCompensated: {"The end, backward: nothing is left.", anybody, events.End{}},
	events.Dismissed: {"A person saw to a saga whose work was not done. No agent decides by it.", outside,
		events.Dismissal{By: "ada", Reason: "the address was wrong", As: events.Dropped}},
}

// bare reports whether a kind may come without the attributes of CloudEvents, from
// whoever has no more than a NATS client.
func bare(k events.Kind) bool { return tellings[k].by&(upstream|outside) != 0 }
