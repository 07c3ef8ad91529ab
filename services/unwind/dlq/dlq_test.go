package dlq_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/dlq"
)

// play runs a seat that refuses what it is told to refuse, and takes an hour over
// what is slow.
func play(t *testing.T, test func(t *testing.T, log *eventtest.Log)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log := eventtest.NewLog()
		cfg := config.Config{Agent: "seat", Saga: "trip", Final: true, CompensationHandler: config.NoCompensation, Deadline: 2 * time.Minute, Timeout: 90 * time.Second}
		h := agent.Handler{Perform: func(ctx context.Context, task agent.Task) (agent.Result, error) {
			switch string(task.Payload) {
			case `"refuse"`:
				return agent.Result{}, agent.Refuse("full", "the train is full")
			case `"slow"`:
				<-ctx.Done()
				return agent.Result{}, ctx.Err()
			}
			return agent.Result{Data: "12A"}, nil
		}}
		done := make(chan error)
		go func() {
			done <- agent.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Grace: time.Millisecond}.Run(ctx, log, cfg, h)
		}()
		synctest.Wait()
		test(t, log)
		cancel()
		require.NoError(t, <-done)
		log.Close()
	})
}

func submit(t *testing.T, log events.Log, id, task string) {
	t.Helper()
	_, err := client.Submit(t.Context(), log, "trip", id, []byte(task), "shop")
	require.NoError(t, err)
	synctest.Wait()
}

func find(t *testing.T, log events.Log) []dlq.Letter {
	t.Helper()
	ids, err := dlq.Scan(t.Context(), log, "trip")
	require.NoError(t, err)
	letters, err := dlq.Find(t.Context(), log, "trip", ids, dlq.Filter{})
	require.NoError(t, err)
	return letters
}

func TestWhatIsADeadLetter(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "fine", `"go"`)
		submit(t, log, "refused", `"refuse"`)
		submit(t, log, "slow", `"slow"`)
		time.Sleep(3 * time.Hour)
		submit(t, log, "cancelled", `"slow"`)
		require.NoError(t, client.Cancel(t.Context(), log, "trip", "cancelled", "ada", "so"))
		time.Sleep(3 * time.Hour)

		var said []string
		for _, l := range find(t, log) {
			said = append(said, fmt.Sprint(l.ID, " ", l.Kind, " ", l.Step, " ", l.Agent, " ", l.Code))
		}
		require.Equal(t, []string{"slow deadline seat seat timeout", "refused failed seat seat full"}, said)
		_, err := dlq.Load(t.Context(), log, "trip", "cancelled")
		require.ErrorIs(t, err, dlq.ErrNone)
		require.ErrorContains(t, err, "it is compensated, after it was cancelled")
	})
}

// Several send the same letter again at the same moment: there is one new saga, and
// one of them is told that it was first.
func TestSentAgainOnce(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		l := find(t, log)[0]
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				_, errs[i] = dlq.Redrive(t.Context(), log, l, l.Task, fmt.Sprint("operator-", i), "so")
			})
		}
		all.Wait()
		first := 0
		for _, err := range errs {
			if err == nil {
				first++
			} else {
				require.ErrorIs(t, err, client.ErrDismissed)
			}
		}
		require.Equal(t, 1, first)
		synctest.Wait()
		letters := find(t, log)
		require.Len(t, letters, 1)
		require.Equal(t, "1-r1", letters[0].ID)

		// With another task under the same id it is somebody else's decision.
		_, err := dlq.Redrive(t.Context(), log, l, json.RawMessage(`"go"`), "ada", "so")
		require.ErrorContains(t, err, "it was sent before, by operator-")
		require.ErrorContains(t, err, "with another task")
	})
}

// Who dies after the new saga was begun is asked again, and goes on.
func TestSentAgainAfterACrash(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		l := find(t, log)[0]
		broken, cut := context.WithCancel(t.Context())
		faulty := &dying{Log: log, cut: cut}
		_, err := dlq.Redrive(broken, faulty, l, l.Task, "ada", "so")
		require.Error(t, err)
		require.Len(t, find(t, log), 2, "the letter is still there, and its second failure")
		id, err := dlq.Redrive(t.Context(), log, l, l.Task, "ada", "so")
		require.NoError(t, err)
		require.Equal(t, "1-r1", id)
		require.Len(t, find(t, log), 1)
	})
}

// Something more is written into the old history after the crash: the letter is still
// the same.
func TestSentAgainAfterACrashAndAnEventMore(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		l := find(t, log)[0]
		broken, cut := context.WithCancel(t.Context())
		_, err := dlq.Redrive(broken, &dying{Log: log, cut: cut}, l, l.Task, "ada", "so")
		require.Error(t, err)
		late(t, log, "1")
		l, err = dlq.Load(t.Context(), log, "trip", "1")
		require.NoError(t, err)
		id, err := dlq.Redrive(t.Context(), log, l, l.Task, "ada", "so")
		require.NoError(t, err)
		require.Equal(t, "1-r1", id)
	})
}

// late writes an event into a history that has ended.
func late(t *testing.T, log events.Log, id string) {
	t.Helper()
	e, err := events.New(events.Subject{Type: "trip", Step: "seat", Kind: events.Redo, N: 1, Agent: "seat", ID: id}, "ada", events.Event{}, events.UndoOrder{})
	require.NoError(t, err)
	_, err = log.Append(t.Context(), e)
	require.NoError(t, err)
	synctest.Wait()
}

// Whoever saw a letter that somebody else gave up meanwhile does not begin its work.
func TestWhatWasGivenUpIsNotSentAgain(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		l := find(t, log)[0]
		require.NoError(t, dlq.Drop(t.Context(), log, l, "ada", "she has paid by hand"))
		_, err := dlq.Redrive(t.Context(), log, l, l.Task, "bob", "so")
		require.ErrorIs(t, err, client.ErrDismissed)
		history, err := log.History(t.Context(), "trip", "1-r1", 0)
		require.NoError(t, err)
		require.Empty(t, history)
	})
}

// Nor is a letter given up that somebody sent again and died before it was said.
func TestWhatWasSentAgainIsNotGivenUp(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		l := find(t, log)[0]
		broken, cut := context.WithCancel(t.Context())
		_, err := dlq.Redrive(broken, &dying{Log: log, cut: cut}, l, l.Task, "ada", "so")
		require.Error(t, err)
		require.ErrorContains(t, dlq.Drop(t.Context(), log, l, "bob", "so"), "it was sent again as 1-r1")
	})
}

// A completion that came after the latch is void: the saga turned.
func TestACompletionBehindTheLatchHidesNoLetter(t *testing.T) {
	play(t, func(t *testing.T, log *eventtest.Log) {
		submit(t, log, "1", `"refuse"`)
		require.Len(t, find(t, log), 1)
		require.NoError(t, log.PublishRaw(t.Context(), "saga.trip.saga.completed.1", nil, []byte(`{}`)), "by whom the guard is left out")
		require.Len(t, find(t, log), 1)
	})
}

// A dying log stores one event, and then its caller is gone.
type dying struct {
	events.Log
	cut context.CancelFunc
}

func (d *dying) Append(ctx context.Context, e events.Event) (uint64, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	seq, err := d.Log.Append(ctx, e)
	d.cut()
	synctest.Wait()
	return seq, err
}

func TestNext(t *testing.T) {
	long := "0123456789012345678901234567890123456789012345678901234567890123"
	for id, want := range map[string]string{
		"order-1": "order-1-r1", "order-1-r1": "order-1-r2", "order-1-r9": "order-1-r10", "a-r": "a-r-r1",
	} {
		require.Equal(t, want, dlq.Next(id))
	}
	next := dlq.Next(long)
	require.NoError(t, events.ValidID(next))
	require.NotEqual(t, next, dlq.Next(long[:63]+"x"))
	require.NotEqual(t, next, dlq.Next(next))
}

func TestCauses(t *testing.T) {
	at := func(n int) time.Time { return time.Unix(int64(n), 0).UTC() }
	letters := []dlq.Letter{
		{Type: "trip", ID: "3", Kind: dlq.Failed, Step: "seat", Code: "full", Message: "b", Ended: at(3)},
		{Type: "trip", ID: "2", Kind: dlq.Rejected, Ended: at(2)},
		{Type: "trip", ID: "1", Kind: dlq.Failed, Step: "seat", Code: "full", Message: "a", Ended: at(1)},
	}
	require.Equal(t, []dlq.Cause{
		{Type: "trip", Kind: dlq.Failed, Step: "seat", Code: "full", Count: 2, Message: "b", First: at(1), Last: at(3), ID: "3"},
		{Type: "trip", Kind: dlq.Rejected, Count: 1, First: at(2), Last: at(2), ID: "2"},
	}, dlq.Causes(letters))
}
