package client_test

import (
	"testing"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

// A saga that is stuck on one step is at rest only when nothing goes on beside
// it.
func TestAtRest(t *testing.T) {
	claim := func(step string) written {
		return written{events.ClaimSubject("", step, 1, ""), events.Claim{Agent: step}}
	}
	of := func(step string, k events.Kind, n int, data any) written {
		s := events.Subject{Step: step, Kind: k, N: n}
		if k != events.Completed {
			s.Agent = step
		}
		return written{s, data}
	}
	done := func(step string) written { return of(step, events.Completed, 0, events.Done{Agent: step}) }
	asked := func(step string) written { return of(step, events.Compensate, 0, events.UndoOrder{}) }
	gaveUp := func(step string, n int) written {
		return of(step, events.UndoFailed, n, events.UndoFailure{Then: events.ThenPerson})
	}
	task := written{events.Subject{Kind: events.Submitted}, 1}
	turn := written{events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonDeadline}}
	stuck := []written{task, claim("seat"), done("seat"), claim("card"), done("card"), turn, asked("seat"), asked("card"), gaveUp("seat", 1)}

	follower := written{events.ClaimSubject("", "card", 1, ""), events.Claim{Agent: "card", After: []string{"seat"}}}

	for name, c := range map[string]struct {
		history []written
		want    bool
	}{
		"forward":         {stuck[:4], false},
		"just turned":     {stuck[:6], false},
		"another undoes":  {stuck, false},
		"another retries": {append(stuck[:9:9], of("card", events.UndoFailed, 1, events.UndoFailure{Then: events.ThenRetry})), false},
		"all gave up":     {append(stuck[:9:9], gaveUp("card", 1)), true},
		"the other done":  {append(stuck[:9:9], of("card", events.Compensated, 0, events.Undone{})), true},
		"asked again":     {append(stuck[:9:9], gaveUp("card", 1), of("card", events.Redo, 1, events.RedoOrder{})), false},
		"another works": {
			[]written{task, claim("seat"), done("seat"), claim("card"), turn, asked("seat"), gaveUp("seat", 1)}, false,
		},
		// Its completion met the latch, so it undid its work without being asked,
		// and gave up. Its attempt has no outcome and will have none.
		"who works gave up undoing": {
			[]written{task, claim("seat"), done("seat"), follower, turn, gaveUp("card", 1)}, true,
		},
		"who works tries undoing": {
			[]written{task, claim("seat"), done("seat"), follower, turn, of("card", events.UndoFailed, 1, events.UndoFailure{Then: events.ThenRetry})}, false,
		},
		"who works is asked again": {
			[]written{task, claim("seat"), done("seat"), follower, turn, gaveUp("card", 1), of("card", events.Redo, 1, events.RedoOrder{})}, false,
		},
		"another not asked yet": {
			[]written{task, claim("seat"), done("seat"), claim("card"), done("card"), turn, asked("seat"), gaveUp("seat", 1)}, false,
		},
		"ended": {
			[]written{task, claim("seat"), done("seat"), {events.Subject{Kind: events.SagaCompleted}, events.End{}}}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := client.AtRest(fold(t, c.history)); got != c.want {
				t.Errorf("AtRest: %v, want %v", got, c.want)
			}
		})
	}
}

// written is an event of a history that is made up.
type written struct {
	subject events.Subject
	data    any
}

func fold(t *testing.T, list []written) *saga.State {
	t.Helper()
	var history []events.Event
	for i, w := range list {
		w.subject.Type, w.subject.ID = "trip", "1"
		e, err := events.New(w.subject, "test", events.Event{}, w.data)
		if err != nil {
			t.Fatal(err)
		}
		e.Seq, e.Time = uint64(i+1), time.Unix(int64(i), 0)
		history = append(history, e)
	}
	s, err := saga.Fold(history)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
