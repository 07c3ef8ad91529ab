package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// A large result is too large to travel.
var large = strings.Repeat("x", events.MaxInline-1)

// scan completes with a large result.
var scan = config.Config{Agent: "scan", RetryPolicy: once, CompensationRetryPolicy: once, CompensationHandler: config.NoCompensation}

func scans(context.Context) (agent.Result, error) { return agent.Result{Data: large, Undo: 7}, nil }

// A large result travels as a reference, is loaded by whoever asks for it, and
// costs nobody else anything: the happy path still reads no history.
func TestLargeResults(t *testing.T) {
	bubble(t, func(w *world) {
		ref := events.RefOf([]byte(`"` + large + `"`))
		first := w.start(scan, does(scans))
		second := w.start(config.Config{Agent: "count", After: []string{"scan"}}, agent.Handler{
			Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				assert.Empty(w, t.Results)
				assert.Equal(w, map[string]events.Ref{"scan": ref}, t.Refs)
				return agent.Result{Data: 1}, nil
			},
		})
		var text string
		var raw json.RawMessage
		third := w.start(config.Config{Agent: "mail", After: []string{"count"}, Final: true}, agent.Handler{
			Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				var n int
				assert.NoError(w, t.Result("count", &n))
				assert.ErrorContains(w, t.Result("scan", &n), `decode result of step "scan" of saga trip/1: json: `)
				assert.ErrorContains(w, t.Result("seat", &n), `saga trip/1 has none before step "mail"`)
				return agent.Result{Data: strings.Repeat("y", 1<<20)}, errors.Join(t.Result("scan", &text), t.Result("scan", &raw))
			},
		})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		require.Equal(w, saga.Completed, w.status("1"))
		assert.Equal(w, large, text)
		assert.Equal(w, `"`+large+`"`, string(raw))

		done, _ := find[events.Done](w, "1", "scan", "completed")
		assert.Equal(w, &ref, done.ResultRef)
		assert.Nil(w, done.Result)
		assert.JSONEq(w, `7`, string(done.Undo))
		end, _ := find[events.End](w, "1", "", "completed")
		assert.Equal(w, map[string]json.RawMessage{"count": json.RawMessage("1")}, end.Result)
		assert.Equal(w, map[string]events.Ref{"scan": ref, "mail": events.RefOf([]byte(`"` + strings.Repeat("y", 1<<20) + `"`))}, end.Refs)

		for p, want := range map[*process][3]int{first: {1, 0, 0}, second: {0, 0, 0}, third: {1, 3, 0}} {
			c := p.Counts()
			assert.Equal(w, want, [3]int{c.Puts, c.Gets, c.Reads}, p.name)
		}
	})
}

// Whoever reads the history finds the reference too: after a retry, and at a
// join.
func TestLargeResultsFromTheHistory(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(scan, does(scans))
		w.start(config.Config{Agent: "seat"}, takes(time.Second))
		calls := 0
		cfg := config.Config{Agent: "mail", After: []string{"scan", "seat"}, Final: true, RetryPolicy: every(1)}
		w.start(cfg, agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
			var text string
			assert.NoError(w, t.Result("scan", &text))
			assert.Equal(w, large, text)
			if calls++; calls == 1 {
				return agent.Result{}, errOops
			}
			return agent.Result{}, nil
		}})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Completed, w.status("1"))
		assert.Equal(w, 2, calls)
	})
}

// run runs an agent on a log with faults, until the test ends.
func (w *world) run(log events.Log, cfg config.Config, h agent.Handler) (stop func()) {
	cfg.Saga = "trip"
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- quiet.Run(ctx, log, cfg, h) }()
	stop = func() {
		cancel()
		if done != nil {
			assert.NoError(w, <-done)
			done = nil
		}
	}
	w.Cleanup(stop)
	return stop
}

// While the shelf is away the effect is there, and the message ours: nothing is
// done again, and nothing is said.
func TestTheShelfIsAway(t *testing.T) {
	bubble(t, func(w *world) {
		calls := 0
		log := &failing{Log: w.log, put: func(ctx context.Context) error {
			select {
			case <-time.After(10 * time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		cfg := scan
		cfg.Final, cfg.Timeout = true, time.Second
		w.run(log, cfg, does(func(ctx context.Context) (agent.Result, error) { calls++; return scans(ctx) }))
		w.submit("1", `{}`)
		w.sleep(9 * time.Minute)
		assert.Equal(w, []string{"task.submitted@0s", "scan.started@0s"}, w.history("1"))
		w.sleep(2 * time.Minute)
		assert.Equal(w, saga.Completed, w.status("1"))
		assert.Equal(w, 1, calls)
	})
}

// An agent that stops before its result is stored leaves the message: the next
// one does it again under the same key.
func TestStoppedBeforeItIsStored(t *testing.T) {
	bubble(t, func(w *world) {
		away := &failing{Log: w.log, put: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		cfg := scan
		cfg.Final = true
		keys := map[string]int{}
		h := agent.Handler{Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) { keys[t.Key]++; return scans(ctx) }}
		stop := w.run(away, cfg, h)
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		stop()
		assert.Equal(w, []string{"task.submitted@0s", "scan.started@0s"}, w.history("1"))
		w.start(cfg, h)
		w.sleep(time.Hour)
		assert.Equal(w, saga.Completed, w.status("1"))
		assert.Equal(w, map[string]int{"trip/1/scan/scan": 2}, keys)
		assert.Equal(w, 1, w.log.Objects("trip"))
	})
}

// A shelf that refuses for good is a failure with a name, and what the call
// did is undone.
func TestTheShelfRefuses(t *testing.T) {
	bubble(t, func(w *world) {
		log := &failing{Log: w.log, put: func(context.Context) error { return fmt.Errorf("store: %w", errOops) }}
		cfg := scan
		cfg.Final, cfg.RetryPolicy, cfg.CompensationHandler = true, every(1), "shred"
		undone := 0
		w.run(log, cfg, agent.Handler{
			Perform:       func(ctx context.Context, _ agent.Task) (agent.Result, error) { return scans(ctx) },
			Compensations: agent.Compensations{"shred": func(context.Context, agent.Undo) error { undone++; return nil }},
		})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		f, _ := find[events.Failure](w, "1", "scan", "failed-1")
		assert.Equal(w, events.Failure{
			Agent: "scan", Class: events.Transient, Left: events.LeftUnknown,
			Error: events.Error{Code: "not_stored", Message: "store: oops"},
			Then:  events.ThenRetry, Due: events.Duration(time.Second),
		}, f)
		assert.Equal(w, saga.Compensated, w.status("1"))
		assert.Equal(w, 1, undone)
	})
}

// A result that does not fit its schema is not stored.
func TestBadResultsAreNotStored(t *testing.T) {
	schema, err := config.NewSchema("result.schema.json", []byte(`{"type":"object"}`))
	require.NoError(t, err)
	bubble(t, func(w *world) {
		cfg := scan
		cfg.ResultSchema = schema
		p := w.start(cfg, does(scans))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Compensated, w.status("1"))
		assert.Zero(w, p.Counts().Puts)
	})
}

// What cannot be loaded is the handler's to tell, like any other error: here it
// passes.
func TestAResultThatIsNotThereYet(t *testing.T) {
	bubble(t, func(w *world) {
		w.start(scan, does(scans))
		gone := true
		log := &failing{Log: w.log, get: func() error {
			if gone {
				gone = false
				return fmt.Errorf("read: %w", events.ErrNoObject)
			}
			return nil
		}}
		w.run(log, config.Config{Agent: "mail", After: []string{"scan"}, Final: true, RetryPolicy: every(1)}, agent.Handler{
			Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				var text string
				return agent.Result{}, t.Result("scan", &text)
			},
		})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		f, _ := find[events.Failure](w, "1", "mail", "failed-1")
		assert.Equal(w, events.Error{Code: "transient", Message: "read: no such object"}, f.Error)
		assert.Equal(w, saga.Completed, w.status("1"))
	})
}

func TestATaskMadeByHand(t *testing.T) {
	var v any
	task := agent.Task{Refs: map[string]events.Ref{"scan": {}}}
	assert.EqualError(t, task.Result("scan", &v), "the task was made by hand, and has no shelf")
}

// What somebody outside answers may be large, too.
func TestALargeAnswer(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := scan
		cfg.Final = true
		p := w.start(cfg, does(func(context.Context) (agent.Result, error) {
			return agent.Result{Undo: 7, Pending: &agent.Pending{For: "a scan"}}, nil
		}))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		w.say(events.Subject{Type: "trip", Step: "scan", Kind: events.Answered, N: 1, ID: "1"},
			events.Answer{Outcome: events.OutcomeCompleted, By: "test", Data: json.RawMessage(`"` + large + `"`)})
		w.sleep(time.Minute)
		require.Equal(w, saga.Completed, w.status("1"))
		done, _ := find[events.Done](w, "1", "scan", "completed")
		ref := events.RefOf([]byte(`"` + large + `"`))
		assert.Equal(w, &ref, done.ResultRef)
		assert.Nil(w, done.Result)
		assert.JSONEq(w, `7`, string(done.Undo))
		assert.Equal(w, 1, p.Counts().Puts)
	})
}
