package eventtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
)

var errCrash = errors.New("crash")

func TestFaultyWithoutFaultsIsALog(t *testing.T) {
	eventtest.SuiteInBubbles(t, func(t *testing.T) events.Log {
		f := eventtest.NewFaulty(open(t), eventtest.Faults{})
		t.Cleanup(f.Kill)
		return f
	})
}

func TestFaultyLosingEveryAnswerOnceIsALog(t *testing.T) {
	eventtest.SuiteInBubbles(t, func(t *testing.T) events.Log {
		f := eventtest.NewFaulty(open(t), eventtest.Faults{LoseAnswer: everyOther()})
		t.Cleanup(f.Kill)
		return f
	})
}

// everyOther is true the first time that it is asked about an event.
func everyOther() func(events.Event) bool {
	lost := make(chan map[string]bool, 1)
	lost <- map[string]bool{}
	return func(e events.Event) bool {
		m := <-lost
		defer func() { lost <- m }()
		first := !m[e.ID]
		m[e.ID] = true
		return first
	}
}

// process runs a test in a bubble with a log that has the saga type kyc.
func process(t *testing.T, faults eventtest.Faults, test func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty)) {
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		t.Cleanup(log.Close)
		require.NoError(t, log.Ensure(t.Context(), "kyc"))
		f := eventtest.NewFaulty(log, faults)
		t.Cleanup(f.Kill)
		test(t, log, f)
	})
}

func task(t *testing.T, id string) events.Event {
	e, err := events.New(events.TaskSubject("kyc", id), "test", events.Event{}, struct{}{})
	require.NoError(t, err)
	return e
}

func stored(t *testing.T, log events.Log, id string) int {
	history, err := log.History(t.Context(), "kyc", id, 0)
	require.NoError(t, err)
	return len(history)
}

func TestDeathBeforeAppend(t *testing.T) {
	process(t, eventtest.Faults{BeforeAppend: func(e events.Event) error {
		if e.Subject.ID == "2" {
			return errCrash
		}
		return nil
	}}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		_, err := f.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		_, err = f.Append(t.Context(), task(t, "2"))
		require.ErrorIs(t, err, eventtest.ErrDead)
		<-f.Dead()
		assert.Equal(t, 1, stored(t, log, "1"))
		assert.Zero(t, stored(t, log, "2"))
		assert.Equal(t, 1, f.Counts().Appends)
	})
}

func TestDeathAfterAppend(t *testing.T) {
	process(t, eventtest.Faults{AfterAppend: func(events.Event) error { return errCrash }}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		seq, err := f.Append(t.Context(), task(t, "1"))
		require.ErrorIs(t, err, eventtest.ErrDead)
		assert.Zero(t, seq)
		assert.Equal(t, 1, stored(t, log, "1"))
	})
}

func TestTheDeadDoNothing(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, _ *eventtest.Log, f *eventtest.Faulty) {
		f.Kill()
		ctx := t.Context()
		_, err := f.Append(ctx, task(t, "1"))
		assert.ErrorIs(t, err, eventtest.ErrDead)
		_, err = f.History(ctx, "kyc", "1", 0)
		assert.ErrorIs(t, err, eventtest.ErrDead)
		_, err = f.Types(ctx)
		assert.ErrorIs(t, err, eventtest.ErrDead)
		assert.ErrorIs(t, f.Ensure(ctx, "other"), eventtest.ErrDead)
		assert.ErrorIs(t, f.SetTimer(ctx, events.Timer{Type: "kyc", To: "a", What: events.AdvanceTimer, ID: "1"}), eventtest.ErrDead)
		assert.ErrorIs(t, f.Follow(ctx, "kyc", "", 0, nil), eventtest.ErrDead)
		assert.ErrorIs(t, f.Consume(ctx, events.Consumer{Name: "c", Type: "kyc"}, nil), eventtest.ErrDead)
		assert.Zero(t, f.Counts())
	})
}

// A process dies in a handler: another one gets the message when the lease has
// run out, whatever the dead one's goroutine still tries.
func TestDeathInAHandler(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		_, err := log.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		c := events.Consumer{Name: "c", Type: "kyc", Lease: time.Minute}
		began := time.Now()

		err = f.Consume(t.Context(), c, func(ctx context.Context, d events.Delivery) {
			f.Kill()
			<-ctx.Done()
			assert.ErrorIs(t, d.Extend(), eventtest.ErrDead)
			assert.ErrorIs(t, d.Ack(), eventtest.ErrDead)
			assert.ErrorIs(t, d.Release(0), eventtest.ErrDead)
		})
		require.ErrorIs(t, err, eventtest.ErrDead)
		assert.Zero(t, time.Since(began))

		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, log.Consume(ctx, c, func(_ context.Context, d events.Delivery) {
			assert.True(t, d.Redelivered)
			assert.Equal(t, time.Minute, time.Since(began))
			assert.NoError(t, d.Ack())
			cancel()
		}))
	})
}

// A process freezes in a handler: its lease runs out though it means to keep
// it, another one takes over, and it goes on when it thaws.
func TestFreezeInAHandler(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		_, err := log.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		c := events.Consumer{Name: "c", Type: "kyc", Filters: []string{events.TaskSubject("kyc", "1").String()}, Lease: time.Minute}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())

		late := make(chan time.Duration, 1)
		go f.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
			f.Freeze()
			time.Sleep(time.Second)
			assert.NoError(t, d.Extend())
			assert.NoError(t, d.Ack())
			_, err := f.Append(ctx, task(t, "late"))
			assert.NoError(t, err)
			late <- time.Since(began)
		})
		synctest.Wait()
		go log.Consume(ctx, c, func(_ context.Context, d events.Delivery) {
			assert.True(t, d.Redelivered)
			assert.NoError(t, d.Ack())
		})
		time.Sleep(time.Hour)
		assert.Zero(t, stored(t, log, "late"))
		assert.Zero(t, f.Counts().Acks)
		f.Thaw()
		assert.Equal(t, time.Hour, <-late)
		assert.Equal(t, 1, stored(t, log, "late"))
		cancel()
		synctest.Wait()
	})
}

// A process freezes between its decision and its append.
func TestFreezeBeforeAppend(t *testing.T) {
	var f *eventtest.Faulty
	faults := eventtest.Faults{BeforeAppend: func(events.Event) error { f.Freeze(); return nil }}
	process(t, faults, func(t *testing.T, log *eventtest.Log, faulty *eventtest.Faulty) {
		f = faulty
		e := task(t, "1")
		time.AfterFunc(time.Hour, func() {
			_, err := log.Append(t.Context(), task(t, "1"))
			assert.NoError(t, err)
			f.Thaw()
		})
		_, err := f.Append(t.Context(), e)
		assert.ErrorIs(t, err, events.ErrTaken)
	})
}

func TestFrozenUntilTheContextEnds(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		f.Freeze()
		f.Freeze()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := f.Append(ctx, task(t, "1"))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NoError(t, f.Consume(ctx, events.Consumer{Name: "c", Type: "kyc"}, nil))
		assert.NoError(t, f.Follow(ctx, "kyc", "", 0, nil))
		f.Thaw()
		f.Thaw()
		assert.Zero(t, stored(t, log, "1"))
	})
}

func TestDeathOfTheFrozen(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		f.Freeze()
		time.AfterFunc(time.Minute, f.Kill)
		_, err := f.Append(t.Context(), task(t, "1"))
		assert.ErrorIs(t, err, eventtest.ErrDead)
		assert.Zero(t, stored(t, log, "1"))
	})
}

func TestLostAnswer(t *testing.T) {
	var between int
	process(t, eventtest.Faults{
		BeforeAppend: func(events.Event) error { between++; return nil },
		LoseAnswer:   everyOther(),
	}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		seq, err := f.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		assert.Equal(t, uint64(1), seq)
		assert.Equal(t, 1, stored(t, log, "1"))
		assert.Equal(t, 2, between)
		assert.Equal(t, eventtest.Counts{Appends: 2}, f.Counts())
	})
}

func TestCounts(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, _ *eventtest.Log, f *eventtest.Faulty) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := f.Append(ctx, task(t, "1"))
		require.NoError(t, err)
		_, err = f.History(ctx, "kyc", "1", 0)
		require.NoError(t, err)
		require.NoError(t, f.SetTimer(ctx, events.Timer{Type: "kyc", To: "a", What: events.AdvanceTimer, ID: "1"}))
		require.NoError(t, f.Consume(ctx, events.Consumer{Name: "c", Type: "kyc"}, func(_ context.Context, d events.Delivery) {
			assert.NoError(t, d.Ack())
			cancel()
		}))
		assert.Equal(t, eventtest.Counts{Appends: 1, Reads: 1, Timers: 1, Deliveries: 1, Acks: 1}, f.Counts())
	})
}

// A process freezes when its event is stored, and hears of it after the thaw.
func TestFreezeAfterAppend(t *testing.T) {
	var f *eventtest.Faulty
	faults := eventtest.Faults{AfterAppend: func(events.Event) error { f.Freeze(); return nil }}
	process(t, faults, func(t *testing.T, _ *eventtest.Log, faulty *eventtest.Faulty) {
		f = faulty
		began := time.Now()
		time.AfterFunc(time.Hour, f.Thaw)
		seq, err := f.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		assert.Equal(t, uint64(1), seq)
		assert.Equal(t, time.Hour, time.Since(began))
	})
}

// Nothing comes to a frozen process: others have it at once, and the process
// asks again when it thaws.
func TestNoDeliveryToTheFrozen(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, f *eventtest.Faulty) {
		c := events.Consumer{Name: "c", Type: "kyc", Lease: time.Hour, Concurrency: 2}
		ctx, cancel := context.WithCancel(t.Context())
		here := make(chan string, 10)
		go f.Consume(ctx, c, func(_ context.Context, d events.Delivery) {
			here <- d.Event.Subject.ID
			assert.NoError(t, d.Ack())
		})
		synctest.Wait()
		f.Freeze()
		_, err := log.Append(ctx, task(t, "1"))
		require.NoError(t, err)
		synctest.Wait()

		began := time.Now()
		other, stop := context.WithCancel(ctx)
		require.NoError(t, log.Consume(other, c, func(_ context.Context, d events.Delivery) {
			assert.Equal(t, "1", d.Event.Subject.ID)
			assert.NoError(t, d.Ack())
			stop()
		}))
		assert.Zero(t, time.Since(began))

		_, err = log.Append(ctx, task(t, "2"))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		assert.Empty(t, here)
		assert.Zero(t, f.Counts().Deliveries)
		f.Thaw()
		synctest.Wait()
		assert.Equal(t, "2", <-here)
		cancel()
		synctest.Wait()
	})
}
