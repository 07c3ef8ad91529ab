package agent_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
)

func TestStopWhenIdle(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(0))
		w.sleep(time.Minute)
		stopped := time.Now()
		assert.NoError(w, p.end())
		assert.Zero(w, time.Since(stopped))
	})
}

// Work under way finishes within the grace, and its message is acknowledged.
// Nothing new is begun.
func TestStopWithinGrace(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(5*time.Second), agent.Options{Grace: 8 * time.Second})
		w.submit("1", `{}`)
		w.sleep(time.Second)
		p.stop()
		w.sleep(0)
		w.submit("2", `{}`)
		<-p.done
		require.NoError(w, p.err)
		assert.Equal(w, 5*time.Second, time.Since(w.began))
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s", "seat.completed@5s", "saga.completed@5s"}, w.history("1"))
		assert.Equal(w, 1, p.Counts().Acks)
		assert.Equal(w, []string{"task.submitted@1s"}, w.history("2"))

		q := w.start(seat, takes(5*time.Second))
		w.sleep(time.Hour)
		assert.Equal(w, 1, q.Counts().Deliveries, "the second saga alone")
		assert.Equal(w, saga.Completed, w.status("2"))
		w.idle("1", time.Hour)
	})
}

// What does not finish within the grace is not acknowledged: another instance
// takes it over, when the lease has run out.
func TestStopBeyondGrace(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Lease = 30 * time.Second
		p := w.start(cfg, takes(25*time.Second), agent.Options{Grace: 9 * time.Second})
		w.submit("1", `{}`)
		w.sleep(2 * time.Second)
		assert.NoError(w, p.end())
		assert.Equal(w, 11*time.Second, time.Since(w.began))
		assert.Zero(w, p.Counts().Acks)
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s"}, w.history("1"), "its fate is for the next to find out")
		assert.Contains(w, p.logs.String(), "stopped before it was settled; the message comes again")
		assert.NotContains(w, p.logs.String(), "attempt failed", "that it was stopped is no failure")

		q := w.start(cfg, takes(3*time.Second))
		w.sleep(time.Hour)
		assert.Equal(w, []string{
			"task.submitted@0s", "seat.started@0s", "seat.attempt-2@40s", "seat.completed@43s", "saga.completed@43s",
		}, w.history("1"), "the lease was extended last after 10 s")
		claim, _ := find[events.Claim](w, "1", "seat", "attempt-2")
		assert.Equal(w, events.CauseTakeover, claim.Cause)
		assert.Equal(w, 1, q.Counts().Acks)
	})
}

// A call that ignores its context holds the process up by a second.
func TestStopBeyondGraceIgnored(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, does(func(context.Context) (agent.Result, error) {
			time.Sleep(20 * time.Second)
			return agent.Result{}, nil
		}), agent.Options{Grace: 8 * time.Second})
		w.submit("1", `{}`)
		w.sleep(2 * time.Second)
		assert.NoError(w, p.end())
		assert.Equal(w, 11*time.Second, time.Since(w.began))
		assert.NotContains(w, p.logs.String(), "attempt failed", "that it was stopped is no failure")
		w.sleep(time.Minute)
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s"}, w.history("1"))
	})
}

// The grace is ten seconds unless it is said.
func TestStopDefaultGrace(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(25*time.Second))
		w.submit("1", `{}`)
		w.sleep(2 * time.Second)
		assert.NoError(w, p.end())
		assert.Equal(w, 12*time.Second, time.Since(w.began))
	})
}

// Undoing that is stopped is no failed try.
func TestStopWhileUndoing(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Final, cfg.CompensationHandler = false, "undo"
		h := takes(time.Second)
		h.Compensations = agent.Compensations{"undo": func(ctx context.Context, _ agent.Undo) error {
			select {
			case <-time.After(25 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		p := w.start(cfg, h, agent.Options{Grace: time.Second})
		w.submit("1", `{}`)
		w.sleep(2 * time.Second)
		w.say(events.LatchSubject("trip", "1"), events.Turn{Reason: events.ReasonCancelled})
		w.sleep(time.Second)
		assert.NoError(w, p.end())
		require.Equal(w, []string{"task.submitted@0s", "seat.started@0s", "seat.completed@1s", "saga.unwinding@2s", "seat.compensate-seat@2s"}, w.history("1"))

		w.start(cfg, h)
		w.sleep(time.Hour)
		assert.Equal(w, saga.Compensated, w.status("1"))
		assert.NotContains(w, strings.Join(w.history("1"), " "), "undofailed")
	})
}

// The lease is kept while the work goes on: no other instance gets it.
func TestTheLeaseIsKept(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Timeout, cfg.Lease = 10*time.Minute, 10*time.Second
		p, q := w.start(cfg, takes(5*time.Minute)), w.start(cfg, takes(5*time.Minute))
		w.submit("1", `{}`)
		w.sleep(time.Hour)
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s", "seat.completed@5m0s", "saga.completed@5m0s"}, w.history("1"))
		assert.Equal(w, 1, p.Counts().Deliveries+q.Counts().Deliveries)
	})
}
