package events_test

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

func ExampleNew() {
	task := events.Event{ID: "the-task"}
	claim := events.ClaimSubject("kyc", "face-match", 1, "order-1")
	e, err := events.New(claim, "face-match@host-7", task, events.Claim{
		Agent: "face-match", Instance: "face-match@host-7",
		After: []string{}, Trigger: events.Trigger{Stream: "SAGA_kyc", Seq: 1}, Cause: events.CauseTask,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Subject)
	fmt.Println("because of", e.Causation)
	fmt.Println(string(e.Data))
	// Output:
	// saga.kyc.face-match.started.order-1
	// because of the-task
	// {"agent":"face-match","instance":"face-match@host-7","after":[],"trigger":{"stream":"SAGA_kyc","seq":1},"cause":"task"}
}

func ExampleParse() {
	s, err := events.Parse("saga.kyc.face-match.undofailed-2-face-match-lite.order-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("saga %s/%s, step %s: %s, try %d of %s\n", s.Type, s.ID, s.Step, s.Kind, s.N, s.Agent)

	_, err = events.Parse("saga.kyc.face-match.failed.order-1")
	fmt.Println(err)
	// Output:
	// saga kyc/order-1, step face-match: undofailed, try 2 of face-match-lite
	// parse subject "saga.kyc.face-match.failed.order-1": event "failed" needs a qualifier
}

func ExampleDecode() {
	// nats pub saga.kyc.task.submitted.order-1 '{"name": "Ada"}'
	stored := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	e, err := events.Decode("saga.kyc.task.submitted.order-1", nil, []byte(`{"name": "Ada"}`), 7, stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	var task struct{ Name string }
	if err := e.Unpack(&task); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Subject.Kind, e.Subject.ID, e.ID, task.Name)
	// Output: submitted order-1 seq-7 Ada
}

func ExampleSubject_Guard() {
	completed, _ := events.Parse("saga.kyc.face-match.completed.order-1")
	guard, _ := completed.Guard()
	fmt.Println("not after", guard)
	// Output: not after saga.kyc.saga.unwinding.order-1
}
