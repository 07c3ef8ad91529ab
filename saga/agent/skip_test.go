package agent_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/when"
)

// never is a handler that must not be called.
func (w *world) never() agent.Handler {
	return does(func(context.Context) (agent.Result, error) {
		w.Error("performed")
		return agent.Result{}, nil
	})
}

// What skipped says: who, after what, and what those that follow may read.
func TestSkipped(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(config.Config{Agent: "seat"}, takes(time.Second))
		w.start(config.Config{Agent: "meal", After: []string{"seat"}, When: when.MustCompile(`has(task.meal)`)}, w.never())
		w.start(config.Config{Agent: "card", After: []string{"meal"}, Final: true, When: when.MustCompile(`results.seat != "done"`)}, w.never())
		w.submit("42", `{"n":1}`)
		w.sleep(time.Minute)

		want := events.Done{Agent: "meal", Attempt: 1, After: []string{"seat"}, Context: &events.Context{
			Task: json.RawMessage(`{"n":1}`), Results: map[string]json.RawMessage{"seat": json.RawMessage(`"done"`)},
			Deadline: w.began.Add(24 * time.Hour),
		}}
		got, _ := find[events.Done](w, "42", "meal", "skipped")
		assert.True(w, want.Context.Deadline.Equal(got.Context.Deadline))
		got.Context.Deadline = want.Context.Deadline
		assert.Equal(w, want, got)
		end, _ := find[events.End](w, "42", "", "completed")
		assert.Equal(w, map[string]json.RawMessage{"seat": json.RawMessage(`"done"`)}, end.Result)
		assert.Equal(w, saga.Completed, w.status("42"))
	})
}

// A condition costs no read, whether it holds or not.
func TestAConditionReadsNothing(t *testing.T) {
	bubble(t, func(w *world) {
		all := []*process{
			w.start(config.Config{Agent: "seat", When: when.MustCompile("task.n == 1")}, takes(time.Second)),
			w.start(config.Config{Agent: "meal", After: []string{"seat"}, When: when.MustCompile("task.n == 2")}, w.never()),
			w.start(config.Config{Agent: "card", After: []string{"meal"}, Final: true, When: when.MustCompile("task.n < 0.5")}, w.never()),
		}
		w.submit("42", `{"n":1}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Completed, w.status("42"))
		for _, p := range all {
			assert.Zero(w, p.Counts().Reads, p.name)
		}
	})
}

// Why a condition can't be evaluated is told, and nothing of what it read.
func TestBadCondition(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RetryPolicy, cfg.FallbackAgents = every(3), []string{"lite"}
		cfg.When = when.MustCompile(`task.by[task.name].score < 1`)
		w.start(cfg, w.never())
		w.submit("42", `{"name": "hush", "by": {"other": {}}}`)
		w.sleep(time.Minute)
		f, _ := find[events.Failure](w, "42", "seat", "failed-1")
		assert.Equal(w, events.Failure{
			Agent: "seat", Class: events.Refused, Left: events.LeftNothing, Then: events.ThenBack,
			Error: events.Error{Code: "bad_condition", Message: "when: task.by[task.name].score: there is no such key (hint: ask before with in)"},
		}, f)
		assert.Equal(w, saga.Compensated, w.status("42"))
	})
}

// A twin that claims the next attempt just above this one's is at work under the
// same key: what it does is not undone, and the step not skipped.
func TestATwinIsNotClearedAway(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.CompensationHandler = "undo"
		cfg.When = when.MustCompile("false")
		claim := func(n int) (events.Subject, events.Claim) {
			return events.ClaimSubject("trip", "seat", n, "42"), events.Claim{
				Agent: "seat", Instance: "twin", Trigger: events.Trigger{Stream: "SAGA_trip", Seq: 1}, Cause: events.CauseTakeover,
			}
		}
		undone := 0
		log := eventtest.NewFaulty(w.log, eventtest.Faults{AfterAppend: func(e events.Event) error {
			if e.Subject.Event() == "attempt-2" {
				w.say(claim(3))
			}
			return nil
		}})
		w.submit("42", `{}`)
		w.say(claim(1))
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		h := w.never()
		h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error { undone++; return nil }}
		cfg.Saga = "trip"
		go func() { done <- quiet.Run(ctx, log, cfg, h) }()
		w.sleep(20 * time.Second)
		cancel()
		require.NoError(w, <-done)
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s", "seat.attempt-2@0s", "seat.attempt-3@0s"}, w.history("42"))
		assert.Zero(w, undone)
	})
}
