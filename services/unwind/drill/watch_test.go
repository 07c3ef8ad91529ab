package drill

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// A tale is the events of saga 1, a second apart.
type tale struct {
	*testing.T
	watch *watch
	seq   uint64
}

func (t *tale) tell(at events.Subject, data any) (ended bool, mends []mend) {
	t.Helper()
	at.Type, at.ID = "trip", "1"
	e, err := events.New(at, "test", events.Event{}, data)
	require.NoError(t, err)
	t.seq++
	e.Seq, e.Time = t.seq, time.Unix(int64(t.seq), 0)
	ended, mends, err = t.watch.see(e)
	require.NoError(t, err)
	return ended, mends
}

var (
	submitted  = events.Subject{Kind: events.Submitted}
	started    = events.Subject{Kind: events.Started, Step: "seat"}
	second     = events.Subject{Kind: events.Attempt, Step: "seat", N: 2}
	gaveUp     = events.Subject{Kind: events.Failed, Step: "seat", N: 2}
	latch      = events.Subject{Kind: events.Unwinding}
	undo       = events.Subject{Kind: events.Compensate, Step: "seat", Agent: "seat"}
	undofailed = events.Subject{Kind: events.UndoFailed, Step: "seat", Agent: "seat", N: 1}
	again      = events.Subject{Kind: events.Redo, Step: "seat", Agent: "seat", N: 1}
	undone     = events.Subject{Kind: events.Compensated, Step: "seat", Agent: "seat"}
	end        = events.Subject{Kind: events.SagaCompensated}
)

func claim(cause events.Cause) events.Claim {
	return events.Claim{Agent: "seat", Instance: "i", After: []string{}, Trigger: events.Trigger{Stream: "S", Seq: 1}, Cause: cause}
}

// A crash is told by whoever takes over; it counts from the claim that was lost.
// What waits for a person is found, and found no second time while it is mended.
func TestWatch(t *testing.T) {
	over := 0
	w := &tale{T: t, watch: newWatch(func([]events.Event, *saga.State) { over++ })}
	w.tell(submitted, json.RawMessage(`{}`))
	w.tell(started, claim(events.CauseTask))                                                                                            // 2
	w.tell(second, claim(events.CauseTakeover))                                                                                         // 3
	w.tell(gaveUp, events.Failure{Agent: "seat", Class: events.Unknown, Left: events.LeftUnknown, Then: events.ThenBack})               // 4
	w.tell(latch, events.Turn{Reason: events.ReasonFailed, Step: "seat", By: "seat"})                                                   // 5
	w.tell(undo, events.UndoOrder{Reason: events.ReasonFailed, Attempt: 2})                                                             // 6
	ended, mends := w.tell(undofailed, events.UndoFailure{Error: events.Error{Code: "oops", Message: "oops"}, Then: events.ThenPerson}) // 7
	assert.False(t, ended)
	assert.Equal(t, []mend{{id: "1", step: "seat", agent: "seat"}}, mends)
	ended, mends = w.tell(again, events.RedoOrder{By: "drill"}) // 8
	assert.False(t, ended)
	assert.Empty(t, mends)
	w.tell(undone, events.Undone{By: "seat", Found: events.FoundUndone}) // 9
	ended, _ = w.tell(end, events.End{})                                 // 10
	assert.True(t, ended)
	assert.Equal(t, Fate{
		Status: saga.Compensated, Person: true,
		Begun: time.Unix(1, 0), Troubled: time.Unix(2, 0), Ended: time.Unix(10, 0),
	}, w.watch.fates["1"])
	_, recovered := w.watch.fates["1"].recovery()
	assert.False(t, recovered, "a person's time is not counted")
	assert.Empty(t, w.watch.running)
	assert.Equal(t, 1, over)
}

// A step that a person has is handed back, once.
func TestWatchPerson(t *testing.T) {
	w := &tale{T: t, watch: newWatch(func([]events.Event, *saga.State) {})}
	w.tell(submitted, json.RawMessage(`{}`))
	w.tell(started, claim(events.CauseTask))
	_, mends := w.tell(events.Subject{Kind: events.Pending, Step: "seat", N: 1}, events.Wait{Agent: "seat", WaitsFor: "ada", Person: true})
	assert.Equal(t, []mend{{"1", "seat", "seat", 1}}, mends)
	_, mends = w.tell(events.Subject{Kind: events.Answered, Step: "seat", N: 1}, events.Answer{Outcome: events.OutcomeRetry, By: "drill", Next: "seat"})
	assert.Empty(t, mends)
	assert.True(t, w.watch.running["1"].Person)

	w = &tale{T: t, watch: newWatch(func([]events.Event, *saga.State) {})}
	w.tell(submitted, json.RawMessage(`{}`))
	w.tell(started, claim(events.CauseTask))
	_, mends = w.tell(events.Subject{Kind: events.Pending, Step: "seat", N: 1}, events.Wait{Agent: "seat", WaitsFor: "the bank"})
	assert.Empty(t, mends, "a bank is no person")
}
