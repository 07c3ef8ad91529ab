package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// TestAnnounced: an instance is seen while it runs, with what it is and did.
func TestAnnounced(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := undoable(seat)
		cfg.RetryPolicy, cfg.Final = every(1), false
		h := fickle(1, errOops)
		perform := h.Perform
		h.Perform = func(ctx context.Context, t agent.Task) (agent.Result, error) {
			time.Sleep(time.Second)
			return perform(ctx, t)
		}
		p := w.start(cfg, h, agent.Options{Instance: "seat@here", Version: "v1.2.3"})
		look := func() events.Instance {
			all, err := w.log.Instances(w.Context(), "trip")
			require.NoError(t, err)
			require.Len(t, all, 1)
			return all[0]
		}
		w.submit("1", "{}")
		w.sleep(500 * time.Millisecond)
		i := look()
		assert.Equal(t, "trip seat seat seat@here v1.2.3", i.Type+" "+i.Step+" "+i.Agent+" "+i.Name+" "+i.Version)
		assert.Equal(t, w.began.UTC(), i.Started)
		assert.Equal(t, events.Vitals{Working: 1}, i.Vitals)
		declared, err := config.FromDeclared(i.Declared)
		require.NoError(t, err)
		assert.Equal(t, "undo", declared.CompensationHandler)
		assert.Equal(t, 1, declared.RetryPolicy.MaxRetries)

		w.sleep(time.Minute)
		assert.Equal(t, events.Vitals{Performed: 1, Failed: 1, Retried: 1}, look().Vitals)
		w.say(events.LatchSubject("trip", "1"), events.Turn{Reason: events.ReasonCancelled, By: "test"})
		w.sleep(time.Minute)
		assert.Equal(t, saga.Compensated, w.status("1"))
		assert.Equal(t, events.Vitals{Performed: 1, Failed: 1, Retried: 1, Undone: 1}, look().Vitals)

		require.NoError(t, p.end())
		all, err := w.log.Instances(w.Context(), "trip")
		require.NoError(t, err)
		assert.Empty(t, all)
	})
}

// unseen is a log that lets nobody be announced.
type unseen struct{ events.Log }

func (unseen) Announce(context.Context, events.Instance, func() events.Vitals) error {
	return errors.New("permission denied")
}

// TestUnseen: who can't be announced works all the same, and says so once.
func TestUnseen(t *testing.T) {
	bubble(t, func(w *world) {
		ctx, stop := context.WithCancel(w.Context())
		defer stop()
		var said logs
		done := make(chan error)
		cfg := seat
		cfg.Saga = "trip"
		go func() { done <- agent.Options{Logger: logger(&said)}.Run(ctx, unseen{w.log}, cfg, fickle(0, nil)) }()
		w.submit("1", "{}")
		w.sleep(time.Minute)
		assert.Equal(t, saga.Completed, w.status("1"))
		stop()
		require.NoError(t, <-done)
		assert.Contains(t, said.String(), "nobody sees that it is there")
	})
}
