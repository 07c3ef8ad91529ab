package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A calm log hands out latches a second late. All agents of a type hear of a
// latch, and who wrote it goes on at once: without a pause either would be first,
// and the story another each time.
type calm struct{ events.Log }

func (l calm) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	if c.Name != "_unwinding" {
		return l.Log.Consume(ctx, c, handle)
	}
	return l.Log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
		time.Sleep(time.Second)
		handle(ctx, d)
	})
}

// policy tries so many times more, a second apart.
func policy(retries int) config.RetryPolicy {
	return config.RetryPolicy{MaxRetries: retries, BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly()
}

// An actor is an agent of the play.
type actor struct {
	config.Config
	perform func(context.Context, agent.Task) (agent.Result, error)
	undo    time.Duration // how long its undoing takes
	sour    int           // how often that fails
}

// after performs so long, and then fails or works.
func after(d time.Duration, errs ...error) func(context.Context, agent.Task) (agent.Result, error) {
	n := 0
	return func(context.Context, agent.Task) (agent.Result, error) {
		time.Sleep(d)
		if n++; n <= len(errs) {
			return agent.Result{}, errs[n-1]
		}
		return agent.Result{Data: "done", Undo: "token"}, nil
	}
}

var errBusy = errors.New("busy")

// kyc is a play like the real one: two branches, a stand-in, and who refuses.
func kyc() []actor {
	return []actor{
		{Config: config.Config{Agent: "id-extraction"}, perform: after(100*time.Millisecond, errBusy), undo: time.Second},
		{Config: config.Config{Agent: "face-matching", After: []string{"id-extraction"}, FallbackAgents: []string{"face-matching-lite"}},
			perform: after(time.Second, agent.Unavailable("quota", errors.New("used up"))), undo: time.Second},
		{Config: config.Config{Agent: "face-matching-lite", Step: "face-matching", StandIn: true}, perform: after(time.Second), undo: time.Second},
		{Config: config.Config{Agent: "document-validation", After: []string{"id-extraction"}}, perform: after(4 * time.Second), undo: 4 * time.Second, sour: 1},
		{Config: config.Config{Agent: "risk-scoring", After: []string{"document-validation", "face-matching"}, Final: true},
			perform: after(time.Second, agent.Refuse("sanctioned", "on a list"))},
	}
}

// play runs agents in virtual time, each with an observer of its own.
func play(t *testing.T, actors []actor, observer func(agentName string) agent.Observer, act func(log *eventtest.Log)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		require.NoError(t, log.Ensure(t.Context(), "kyc"))
		ctx, cancel := context.WithCancel(t.Context())
		ends := make(chan error)
		for _, a := range actors {
			a.Saga, a.RetryPolicy, a.CompensationRetryPolicy = "kyc", policy(1), policy(3)
			h := agent.Handler{Perform: a.perform}
			a.CompensationHandler = config.NoCompensation
			if a.undo > 0 {
				a.CompensationHandler = "undo"
				h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error {
					time.Sleep(a.undo)
					if a.sour--; a.sour >= 0 {
						return errBusy
					}
					return nil
				}}
			}
			o := agent.Options{
				Instance: a.Agent + "@1", Random: func() float64 { return 0 },
				Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
				Observers: []agent.Observer{observer(a.Agent)},
			}
			go func() { ends <- o.Run(ctx, calm{log}, a.Config, h) }()
		}
		synctest.Wait()
		act(log)
		cancel()
		for range actors {
			require.NoError(t, <-ends)
		}
	})
}

func submit(t *testing.T, log *eventtest.Log, id string, h events.Header) {
	t.Helper()
	require.NoError(t, log.PublishRaw(t.Context(), events.TaskSubject("kyc", id).String(), h, []byte(`{}`)))
	time.Sleep(5 * time.Minute)
	synctest.Wait()
}
