package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// hold is an entry step that can be undone.
var hold = config.Config{Agent: "hold", RetryPolicy: once, CompensationRetryPolicy: every(2), CompensationHandler: "release"}

// holds performs at once, and undoes with a function.
func holds(undo func(context.Context, agent.Undo) error) agent.Handler {
	h := does(func(context.Context) (agent.Result, error) { return agent.Result{Data: 1, Undo: "hold-1"}, nil })
	h.Compensations = agent.Compensations{"release": undo, "other": nil}
	return h
}

func (w *world) cancel(id string) {
	w.Helper()
	w.say(events.LatchSubject("trip", id), events.Turn{Reason: events.ReasonCancelled, By: "ada"})
}

func (w *world) redo(id string, n int) {
	w.Helper()
	w.say(events.Subject{Type: "trip", Step: "hold", Kind: events.Redo, N: n, Agent: "hold", ID: id}, events.RedoOrder{By: "ada"})
}

// What the author's compensation is told.
func TestUndo(t *testing.T) {
	bubble(t, func(w *world) {
		var got []agent.Undo
		w.start(hold, holds(func(_ context.Context, u agent.Undo) error {
			got = append(got, u)
			return nil
		}))
		w.submit("42", `{}`)
		w.sleep(time.Second)
		w.cancel("42")
		w.sleep(time.Hour)
		assert.Equal(w, []agent.Undo{{
			Type: "trip", ID: "42", Step: "hold", Agent: "hold", Attempt: 1,
			Key: "trip/42/hold/hold/undo", Of: "trip/42/hold/hold",
			Reason: events.ReasonCancelled, Token: []byte(`"hold-1"`),
		}}, got)
		assert.Equal(w, saga.Compensated, w.status("42"))
	})
}

func TestUndoFinds(t *testing.T) {
	for name, c := range map[string]struct {
		handler string
		err     error
		want    events.Found
	}{
		"something":                     {"release", nil, events.FoundUndone},
		"nothing":                       {"release", agent.ErrNothingFound, events.FoundNothing},
		"nothing, wrapped":              {"release", fmt.Errorf("hold-1: %w", agent.ErrNothingFound), events.FoundNothing},
		"nothing, as there never is":    {config.NoCompensation, errors.New("never called"), events.FoundNothing},
		"nothing, and others wrap that": {"release", errors.Join(errOops, agent.ErrNothingFound), events.FoundNothing},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := hold
				cfg.CompensationHandler = c.handler
				w.start(cfg, holds(func(context.Context, agent.Undo) error { return c.err }))
				w.submit("1", `{}`)
				w.sleep(time.Second)
				w.cancel("1")
				w.sleep(time.Hour)
				undone, _ := find[events.Undone](w, "1", "hold", "compensated-hold")
				assert.Equal(w, c.want, undone.Found)
				assert.True(w, strings.HasPrefix(undone.By, "hold@"))
			})
		})
	}
}

// A try that fails has a name too; out of tries it waits for a person, who asks
// again.
func TestUndoFails(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want events.Error
	}{
		"plainly":         {errOops, events.Error{Code: "transient", Message: "oops"}},
		"with a name":     {agent.Unavailable("quota", errOops), events.Error{Code: "quota", Message: "oops"}},
		"even if refused": {agent.Refuse("gone", "too late"), events.Error{Code: "gone", Message: "too late"}},
		"by a panic":      {nil, events.Error{Code: "panic", Message: "panic: boom"}},
		"by its timeout":  {context.DeadlineExceeded, events.Error{Code: "timeout", Message: "context deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				works := false
				p := w.start(hold, holds(func(context.Context, agent.Undo) error {
					switch {
					case works:
						return nil
					case c.err == nil:
						panic("boom")
					}
					return c.err
				}))
				w.submit("1", `{}`)
				w.sleep(time.Second)
				w.cancel("1")
				w.sleep(time.Minute)
				assert.Equal(w, []string{
					"task.submitted@0s", "hold.started@0s", "hold.completed@0s", "saga.unwinding@1s", "hold.compensate-hold@1s",
					"hold.undofailed-1-hold@1s", "hold.undofailed-2-hold@2s", "hold.undofailed-3-hold@3s",
				}, w.history("1"))
				f, _ := find[events.UndoFailure](w, "1", "hold", "undofailed-1-hold")
				assert.Equal(w, events.UndoFailure{Error: c.want, Then: events.ThenRetry, Due: events.Duration(time.Second)}, f)
				f, _ = find[events.UndoFailure](w, "1", "hold", "undofailed-3-hold")
				assert.Equal(w, events.UndoFailure{Error: c.want, Then: events.ThenPerson}, f)
				assert.Equal(w, saga.Stuck, w.status("1"))
				w.idle("1", 24*time.Hour)
				if c.err == nil {
					assert.Contains(w, p.logs.String(), "the compensation handler panicked")
					assert.Contains(w, p.logs.String(), "undo_test.go", "its stack")
				}

				works = true
				w.redo("1", 1)
				w.sleep(time.Hour)
				assert.Equal(w, saga.Compensated, w.status("1"))
			})
		})
	}
}

// An order whose acknowledgement got lost comes again: its failed try has its
// own timer, and is not hurried.
func TestAnOrderThatComesAgain(t *testing.T) {
	bubble(t, func(w *world) {
		var tries []time.Duration
		var acks atomic.Int32
		log := &failing{Log: w.log, lease: func(l events.Lease) events.Lease {
			return moody{l, func() error {
				if n := acks.Add(1); n > 1 && n < 6 { // of the latch and of the order
					return errOops
				}
				return nil
			}, func() error { return nil }}
		}}
		cfg := hold
		cfg.Saga = "trip"
		cfg.CompensationRetryPolicy = config.RetryPolicy{MaxRetries: 1, BaseDelay: 10 * time.Minute, MaxDelay: 10 * time.Minute, Multiplier: 1}.Exactly()
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() {
			done <- quiet.Run(ctx, log, cfg, holds(func(context.Context, agent.Undo) error {
				if tries = append(tries, time.Since(w.began)); len(tries) == 1 {
					return errOops
				}
				return nil
			}))
		}()
		w.submit("1", `{}`)
		w.sleep(time.Second)
		w.cancel("1")
		w.sleep(time.Hour)
		assert.Equal(w, []time.Duration{time.Second, 10*time.Minute + time.Second}, tries)
		assert.Equal(w, saga.Compensated, w.status("1"))
		cancel()
		assert.NoError(w, <-done)
	})
}

// A person asks, and it fails again: the tries count anew.
func TestRedoFails(t *testing.T) {
	bubble(t, func(w *world) {
		calls := 0
		w.start(hold, holds(func(context.Context, agent.Undo) error { calls++; return errOops }))
		w.submit("1", `{}`)
		w.sleep(time.Second)
		w.cancel("1")
		w.sleep(time.Minute)
		require.Equal(w, saga.Stuck, w.status("1"))
		w.redo("1", 1)
		w.sleep(time.Minute)
		assert.Equal(w, 6, calls)
		assert.Equal(w, saga.Stuck, w.status("1"))
		f, _ := find[events.UndoFailure](w, "1", "hold", "undofailed-6-hold")
		assert.Equal(w, events.ThenPerson, f.Then)
	})
}

// A redo of what is undone is done once more, and changes nothing.
func TestRedoOfTheUndone(t *testing.T) {
	bubble(t, func(w *world) {
		calls := 0
		w.start(hold, holds(func(context.Context, agent.Undo) error { calls++; return nil }))
		w.submit("1", `{}`)
		w.sleep(time.Second)
		w.cancel("1")
		w.sleep(time.Minute)
		require.Equal(w, saga.Compensated, w.status("1"))
		w.redo("1", 1)
		w.sleep(24 * time.Hour)
		assert.Equal(w, 2, calls)
		assert.Equal(w, saga.Compensated, w.status("1"))
	})
}

// What was undone has no slot to say that it was undone again: a try that fails
// once, and works then, must not be asked for ever.
func TestRedoOfTheUndoneFailsOnce(t *testing.T) {
	bubble(t, func(w *world) {
		calls := 0
		w.start(hold, holds(func(context.Context, agent.Undo) error {
			time.Sleep(time.Second)
			if calls++; calls == 2 {
				return errOops
			}
			return nil
		}))
		w.submit("1", `{}`)
		w.sleep(time.Second)
		w.cancel("1")
		w.sleep(time.Minute)
		require.Equal(w, saga.Compensated, w.status("1"))
		w.redo("1", 1)
		w.sleep(24 * time.Hour)
		assert.Equal(w, 3, calls)
		assert.Equal(w, saga.Compensated, w.status("1"))
	})
}

// A saga turns while nobody who worked on it is alive: an agent that had no
// part in it keeps it going, and the deadline too.
func TestAnyAgentTurnsAndAdvances(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := hold
		cfg.Deadline = time.Hour
		p := w.start(cfg, holds(func(context.Context, agent.Undo) error { return nil }))
		w.start(config.Config{Agent: "mail", After: []string{"nobody"}, Final: true}, takes(0))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		p.Kill()
		w.sleep(2 * time.Hour)
		turn, at := find[events.Turn](w, "1", "", "unwinding")
		assert.Equal(w, time.Hour, at)
		assert.Equal(w, events.ReasonDeadline, turn.Reason)
		assert.True(w, strings.HasPrefix(turn.By, "mail@"), turn.By)
		assert.Equal(w, "hold.compensate-hold@1h0m0s", w.history("1")[len(w.history("1"))-1])

		w.start(cfg, holds(func(context.Context, agent.Undo) error { return nil }))
		w.sleep(time.Hour)
		assert.Equal(w, saga.Compensated, w.status("1"))
	})
}

// A timer that comes due for a saga that has left the stream, or that is
// answered already, asks for nothing.
func TestTimersThatAreAnswered(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(0))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		before := w.history("1")
		for _, timer := range []events.Timer{
			{To: events.Everyone, What: events.DeadlineTimer, ID: "1"},
			{To: events.Everyone, What: events.AdvanceTimer, ID: "1"},
			{To: "seat", What: events.RetryTimer, N: 2, ID: "1"},
			{To: "seat", What: events.UndoTimer, N: 2, ID: "1"},
			{To: events.Everyone, What: events.AdvanceTimer, ID: "gone"},
			{To: events.Everyone, What: events.DeadlineTimer, ID: "gone"},
			{To: "seat", What: events.RetryTimer, N: 2, ID: "gone"},
			{To: "seat", What: events.UndoTimer, N: 2, ID: "gone"},
		} {
			timer.Type = "trip"
			require.NoError(w, w.log.SetTimer(w.Context(), timer))
		}
		w.sleep(time.Minute)
		assert.Equal(w, before, w.history("1"))
		assert.Empty(w, w.history("gone"))
		assert.Equal(w, 9, p.Counts().Acks)
		assert.Equal(w, 9, p.Counts().Deliveries)
	})
}

// Before a step is handed on, what its agent may have left is undone; if that
// fails, nobody may do the work again.
func TestHandOn(t *testing.T) {
	for name, c := range map[string]struct {
		err, undo error
		want      []string
		left      events.Left
		undone    int
	}{
		"nothing is left": {agent.Unavailable("quota", errOops), nil, []string{"failed-1", "fallback-b", "attempt-2", "completed"}, events.LeftNothing, 0},
		"what may be left is undone": {
			&agent.Failure{Class: events.Unknown, Err: errOops}, nil, []string{"failed-1", "fallback-b", "attempt-2", "completed"}, events.LeftUnknown, 1,
		},
		"what may be left cannot be undone now": {
			&agent.Failure{Class: events.Unknown, Err: errOops}, errOops, []string{"failed-1", "compensate-a", "undofailed-1-a", "undofailed-2-a", "undofailed-3-a"}, events.LeftUnknown, 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				a := config.Config{Agent: "a", Step: "charge", Final: true, FallbackAgents: []string{"b"}, RetryPolicy: once, CompensationRetryPolicy: every(2), CompensationHandler: "refund"}
				b := config.Config{Agent: "b", Step: "charge", Final: true, StandIn: true, RetryPolicy: once, CompensationHandler: config.NoCompensation}
				undone := 0
				h := does(func(context.Context) (agent.Result, error) { return agent.Result{}, c.err })
				h.Compensations = agent.Compensations{"refund": func(_ context.Context, u agent.Undo) error {
					undone++
					assert.Equal(w, "trip/1/charge/a", u.Of)
					return c.undo
				}}
				w.start(a, h)
				w.start(b, takes(0))
				w.submit("1", `{}`)
				w.sleep(time.Hour)
				var got []string
				for _, e := range w.events("1") {
					if e.Subject.Step != "" && e.Subject.Kind != events.Started {
						got = append(got, e.Subject.Event())
					}
				}
				assert.Equal(w, c.want, got)
				f, _ := find[events.Failure](w, "1", "charge", "failed-1")
				assert.Equal(w, c.left, f.Left)
				assert.Equal(w, c.undone, undone)
			})
		})
	}
}

// What is undone before a step is handed on is undone by the token that the
// agent gave when it began to wait, as in a saga that turned.
func TestClearedByItsToken(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.FallbackAgents, cfg.CompensationHandler = []string{"other"}, "give-back"
		var tokens []string
		w.start(cfg, agent.Handler{
			Perform: func(context.Context, agent.Task) (agent.Result, error) {
				return agent.Result{Undo: "booking 7", Pending: &agent.Pending{Within: time.Minute}}, nil
			},
			Compensations: agent.Compensations{"give-back": func(_ context.Context, u agent.Undo) error {
				var token string
				_, err := u.Decode(&token)
				tokens = append(tokens, token)
				return err
			}},
		})
		w.submit("1", `{}`)
		w.sleep(2 * time.Minute)
		find[events.HandOver](w, "1", "seat", "fallback-other")
		assert.Equal(t, []string{"booking 7"}, tokens)
	})
}
