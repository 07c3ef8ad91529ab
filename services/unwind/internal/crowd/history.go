package main

import (
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

var (
	declined = events.Error{Code: "declined", Message: "the card is declined"}
	busy     = events.Error{Code: "http_503", Message: "the provider answered 503"}
)

func step(name string, k events.Kind) events.Subject { return events.Subject{Step: name, Kind: k} }

// history tells how the nth saga goes.
func (c *crowd) history(n int) []said {
	h := []said{
		{events.Subject{Kind: events.Submitted}, map[string]any{"to": "Rome", "name": "Ada Lovelace", "note": "a window, please", "n": n}},
		{step("seat", events.Started), events.Claim{Agent: "seat", Instance: "seat@1", Cause: events.CauseTask}},
	}
	if n%500 == 3 {
		return []said{h[0], {events.Subject{Kind: events.Rejected}, events.Rejection{Agent: "seat", Error: events.Error{Code: "task", Message: "no seats wanted"}}}}
	}
	attempt := 1
	if n%20 == 7 {
		h = append(h,
			said{events.Subject{Step: "seat", Kind: events.Failed, N: 1}, events.Failure{Agent: "seat", Class: events.Transient, Error: busy, Left: events.LeftNothing, Then: events.ThenRetry, Due: events.Duration(1e9)}},
			said{events.Subject{Step: "seat", Kind: events.Attempt, N: 2}, events.Claim{Agent: "seat", Instance: "seat@1", Cause: events.CauseRetry}})
		attempt = 2
	}
	result := []byte(fmt.Sprintf(`{"seat": "%dA", "class": "economy"}`, n%40))
	h = append(h,
		said{step("seat", events.Completed), events.Done{Agent: "seat", Attempt: attempt, Result: result, Undo: []byte(`"booking-17"`)}},
		said{step("card", events.Started), events.Claim{Agent: "card", Instance: "card@1", Cause: events.CauseStep, After: []string{"seat"}}})
	switch {
	case !c.ended && n%1000 == 1:
		return h
	case !c.ended && n%1000 == 501:
		return append(h, said{events.Subject{Step: "card", Kind: events.Pending, N: 1}, events.Wait{Agent: "card", Person: true, Question: "Is that all right?"}})
	case n%25 == 9:
		h = append(h,
			said{events.Subject{Step: "card", Kind: events.Failed, N: 1}, events.Failure{Agent: "card", Class: events.Refused, Error: declined, Left: events.LeftNothing, Then: events.ThenBack}},
			said{events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonFailed, Step: "card", By: "card@1", Error: &declined}},
			said{events.Subject{Step: "seat", Kind: events.Compensate, Agent: "seat"}, events.UndoOrder{Reason: events.ReasonFailed, Attempt: attempt}})
		if !c.ended && n%5000 == 34 {
			return append(h, said{events.Subject{Step: "seat", Kind: events.UndoFailed, N: 1, Agent: "seat"}, events.UndoFailure{Error: busy, Then: events.ThenPerson}})
		}
		return append(h,
			said{events.Subject{Step: "seat", Kind: events.Compensated, Agent: "seat"}, events.Undone{By: "seat@1", Found: events.FoundUndone}},
			said{events.Subject{Kind: events.SagaCompensated}, events.End{}})
	default:
		return append(h,
			said{step("card", events.Completed), events.Done{Agent: "card", Attempt: 1, After: []string{"seat"}, Result: []byte(`{"paid": 12.5}`)}},
			said{events.Subject{Kind: events.SagaCompleted}, events.End{}})
	}
}
