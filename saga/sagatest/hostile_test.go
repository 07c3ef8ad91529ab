package sagatest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// What no story can tell: a log that behaves badly, an agent that is born late,
// messages that no agent wrote.

type closing interface {
	events.Log
	Close()
}

// hostile runs a test on a log, in virtual time, with the means to start agents
// on it and to write what they would.
func hostile(t *testing.T, log closing, test func(t *testing.T, run func(config.Config, agent.Handler), say func(events.Subject, any) uint64)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{}, 9)
		agents := 0
		defer func() {
			cancel()
			for range agents {
				<-done
			}
			log.Close()
		}()
		require.NoError(t, log.Ensure(ctx, storyType))
		test(t, func(cfg config.Config, h agent.Handler) {
			agents++
			cfg.Saga, cfg.Lease = storyType, lease
			quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
			go func() {
				defer func() { done <- struct{}{} }()
				_ = agent.Options{Logger: quiet, Grace: time.Millisecond}.Run(ctx, log, cfg, h)
			}()
		}, func(at events.Subject, data any) uint64 {
			at.Type, at.ID = storyType, storyID
			e, err := events.New(at, "somebody", events.Event{}, data)
			require.NoError(t, err)
			seq, err := log.Append(ctx, e)
			require.NoError(t, err)
			return seq
		})
	})
}

func fold(t *testing.T, log events.Log) *saga.State {
	history, err := log.History(t.Context(), storyType, storyID, 0)
	require.NoError(t, err)
	s, err := saga.Fold(history)
	require.NoError(t, err)
	return s
}

// An agent dies at its first task, before it has told the log that it listens to
// orders to undo. It comes back long after the deadline, and undoes.
func TestBornAgain(t *testing.T) {
	log := eventtest.NewLog()
	hostile(t, log, func(t *testing.T, run func(config.Config, agent.Handler), say func(events.Subject, any) uint64) {
		a := events.Subject{Step: "a"}
		of := func(k events.Kind, agent string) events.Subject { a.Kind, a.Agent = k, agent; return a }
		task := say(events.Subject{Kind: events.Submitted}, struct{}{})
		say(of(events.Started, ""), events.Claim{Agent: "a", Cause: events.CauseTask, Trigger: events.Trigger{Stream: "SAGA_story", Seq: task}})
		say(of(events.Completed, ""), events.Done{Agent: "a", Attempt: 1})
		say(events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonCancelled})
		say(of(events.Compensate, "a"), events.UndoOrder{Attempt: 1})
		time.Sleep(48 * time.Hour)
		run(config.Config{Agent: "a", Deadline: time.Hour, CompensationHandler: config.NoCompensation}, agent.Handler{
			Perform: func(context.Context, agent.Task) (agent.Result, error) { panic("it turned") },
		})
		time.Sleep(time.Minute)
		require.Equal(t, saga.Compensated, fold(t, log).Status())
	})
}

// A timer that names an event that will never be keeps nobody waiting.
func TestTimerFromNowhere(t *testing.T) {
	log := eventtest.NewLog()
	hostile(t, log, func(t *testing.T, run func(config.Config, agent.Handler), say func(events.Subject, any) uint64) {
		run(config.Config{Agent: "a", Concurrency: 1, Final: true, Deadline: 5 * time.Minute, CompensationHandler: config.NoCompensation}, agent.Handler{
			Perform: func(context.Context, agent.Task) (agent.Result, error) {
				return agent.Result{}, agent.RetryAfter(time.Hour, errors.New("not yet"))
			},
		})
		require.NoError(t, log.PublishRaw(t.Context(), "timer.due.story.saga.deadline.nobody", nil, []byte("99999999")))
		time.Sleep(time.Second)
		say(events.Subject{Kind: events.Submitted}, struct{}{})
		time.Sleep(10 * time.Minute)
		require.Equal(t, saga.Compensated, fold(t, log).Status(), "its deadline comes through")
	})
}

// A narrow log takes no more than a broker does.
type narrow struct{ *eventtest.Log }

func (n narrow) Append(ctx context.Context, e events.Event) (uint64, error) {
	if len(e.Data) > 1<<20 {
		return 0, errors.New("maximum payload exceeded")
	}
	return n.Log.Append(ctx, e)
}

// Each result is larger than an event may be: none of them gets into one.
func TestResultsLargerThanAnEvent(t *testing.T) {
	log := eventtest.NewLog()
	large := json.RawMessage(`"` + strings.Repeat("x", 2<<20) + `"`)
	hostile(t, narrow{log}, func(t *testing.T, run func(config.Config, agent.Handler), say func(events.Subject, any) uint64) {
		h := agent.Handler{Perform: func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{Data: large}, nil }}
		run(config.Config{Agent: "a", CompensationHandler: config.NoCompensation}, h)
		run(config.Config{Agent: "b", After: []string{"a"}, CompensationHandler: config.NoCompensation}, h)
		run(config.Config{Agent: "c", After: []string{"b"}, Final: true, CompensationHandler: config.NoCompensation}, h)
		say(events.Subject{Kind: events.Submitted}, struct{}{})
		time.Sleep(time.Hour)
		s := fold(t, log)
		require.Equal(t, saga.Completed, s.Status())
		ref := events.RefOf(large)
		require.Equal(t, &ref, s.Step("b").Done.ResultRef)
		require.Nil(t, s.Step("b").Done.Result)
		require.Equal(t, map[string]events.Ref{"a": ref, "b": ref, "c": ref}, s.End.Refs)
		require.Equal(t, 1, log.Objects(s.Type), "the same bytes are one object")
	})
}

// A vague log refuses a completion once without a reason.
type vague struct {
	*eventtest.Log
	refused atomic.Bool
}

func (v *vague) Append(ctx context.Context, e events.Event) (uint64, error) {
	if e.Subject.Kind == events.Completed && v.refused.CompareAndSwap(false, true) {
		return 0, &events.Refusal{Subject: e.Subject, Reason: events.ErrTaken}
	}
	return v.Log.Append(ctx, e)
}

// A refusal is a reason to read, never a conclusion: while the history does not
// say why the completion was refused, nothing is undone.
func TestRefusedWithoutAReason(t *testing.T) {
	log := eventtest.NewLog()
	hostile(t, &vague{Log: log}, func(t *testing.T, run func(config.Config, agent.Handler), say func(events.Subject, any) uint64) {
		undone := 0
		run(config.Config{Agent: "a", Final: true, CompensationHandler: "undo"}, agent.Handler{
			Perform:       func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{}, nil },
			Compensations: agent.Compensations{"undo": func(context.Context, agent.Undo) error { undone++; return nil }},
		})
		say(events.Subject{Kind: events.Submitted}, struct{}{})
		time.Sleep(time.Hour)
		require.Equal(t, saga.Completed, fold(t, log).Status())
		require.Zero(t, undone)
	})
}
