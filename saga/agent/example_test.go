package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// A whole agent: it books the seat that a trip asks for, on a log in memory. A
// real one reads its configuration with config.Load, and its log is
// broker.Connect's.
func Example() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	memory := eventtest.NewLog()
	defer memory.Close()

	cfg := config.Config{Agent: "seat", Saga: "trip", Final: true, CompensationHandler: "release"}
	stopped := make(chan error)
	go func() {
		stopped <- agent.Run(ctx, memory, cfg, agent.Handler{
			Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				var trip struct{ Seat string }
				if err := t.Decode(&trip); err != nil {
					return agent.Result{}, agent.Refuse("no_trip", "%w", err)
				}
				// The key makes sure that it is booked once, however often this is called.
				fmt.Println("book", trip.Seat, "under", t.Key)
				return agent.Result{Data: trip, Undo: trip.Seat}, nil
			},
			Compensations: agent.Compensations{"release": func(_ context.Context, u agent.Undo) error {
				var seat string
				if ok, err := u.Decode(&seat); !ok {
					return errors.Join(err, errors.New("look for the booking by u.Of"))
				}
				fmt.Println("release", seat)
				return nil
			}},
		})
	}()

	// Upstream: a task begins a saga. Any program can write it.
	if err := memory.Ensure(ctx, "trip"); err != nil {
		fmt.Println(err)
		return
	}
	task, err := events.New(events.TaskSubject("trip", "42"), "upstream", events.Event{}, map[string]string{"seat": "12A"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := memory.Append(ctx, task); err != nil {
		fmt.Println(err)
		return
	}

	// And whoever wants to knows what happens.
	err = memory.Follow(ctx, "trip", "42", 0, func(e events.Event) error {
		fmt.Println(e.Subject)
		if e.Subject.Kind == events.SagaCompleted {
			cancel()
		}
		return nil
	})
	fmt.Println(err, <-stopped)
	// Unordered output:
	// saga.trip.task.submitted.42
	// saga.trip.seat.started.42
	// book 12A under trip/42/seat/seat
	// saga.trip.seat.completed.42
	// saga.trip.saga.completed.42
	// <nil> <nil>
}

// The card is declined: nobody tries again, the saga turns.
func ExampleRefuse() {
	perform := func(context.Context, agent.Task) (agent.Result, error) {
		return agent.Result{}, agent.Refuse("declined", "the bank says no")
	}
	_, err := perform(context.Background(), agent.Task{})
	fmt.Println(agent.Class(err), err)
	// Output: refused the bank says no
}

// An HTTP API says itself what its answers mean.
func ExampleFromResponse() {
	answer := httptest.NewRecorder()
	answer.Header().Set("Retry-After", "30")
	answer.WriteHeader(http.StatusTooManyRequests)

	err := agent.FromResponse(answer.Result())
	failure, _ := errors.AsType[*agent.Failure](err)
	fmt.Println(failure.Class, failure.Code, failure.RetryAfter)
	// Output: transient http_429 30s
}

// A model was asked for JSON, and answered with prose. It is tried again, and
// what it said stands in the history, for who has to find out why.
func ExampleFailure() {
	answer := []byte("Sure! Here is the JSON that you asked for:")
	var score struct{ Score int }
	err := json.Unmarshal(answer, &score)

	err = &agent.Failure{Class: events.Transient, Code: "bad_answer", Raw: answer, Err: fmt.Errorf("read the score: %w", err)}
	fmt.Println(agent.Class(err), err)
	// Output: transient read the score: invalid character 'S' looking for beginning of value
}
