package saga_test

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// What a history means, and what is owed: the seat was reserved, then a person
// cancelled the trip.
func ExampleFold() {
	wrote := func(seq uint64, subject, data string) events.Event {
		s, err := events.Parse(subject)
		if err != nil {
			panic(err)
		}
		return events.Event{Subject: s, Seq: seq, Data: []byte(data)}
	}
	s, err := saga.Fold([]events.Event{
		wrote(1, "saga.trip.task.submitted.42", `{"seat":"12A"}`),
		wrote(2, "saga.trip.seat.started.42", `{"agent":"seat","cause":"task"}`),
		wrote(3, "saga.trip.seat.completed.42", `{"agent":"seat","attempt":1,"undo":"hold-1"}`),
		wrote(4, "saga.trip.saga.unwinding.42", `{"reason":"cancelled","by":"ada"}`),
	})
	if err != nil {
		fmt.Println(err) // a history that makes no sense is never guessed at
		return
	}
	fmt.Println(s.Status(), s.Turn.Reason, s.Step("seat").Status(s), s.Step("seat").Owing())
	for _, d := range s.Advance(time.Time{}).Events {
		fmt.Println("owed:", d.Subject)
	}
	// Output:
	// unwinding cancelled completed [seat]
	// owed: saga.trip.seat.compensate-seat.42
}
