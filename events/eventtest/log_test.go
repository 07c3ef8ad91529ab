package eventtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) events.Log {
	log := eventtest.NewLog()
	t.Cleanup(log.Close)
	return log
}

func TestLog(t *testing.T)          { eventtest.Suite(t, open) }
func TestLogInBubbles(t *testing.T) { eventtest.SuiteInBubbles(t, open) }

// In virtual time everything happens at the very instant.
func TestInstants(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		set := func(id string, in time.Duration) {
			require.NoError(t, log.SetTimer(ctx, events.Timer{
				Type: "kyc", To: events.Everyone, What: events.DeadlineTimer, ID: id, Due: began.Add(in),
			}))
		}
		set("month", 30*24*time.Hour)
		set("day", 24*time.Hour)
		set("first", time.Hour)
		set("second", time.Hour)
		set("third", time.Hour)
		set("past", -time.Hour)

		var heard []string
		go log.Consume(ctx, events.Consumer{Name: "t", Type: "kyc", Timers: true, Lease: time.Minute}, func(_ context.Context, d events.Delivery) {
			heard = append(heard, d.Timer.ID+" "+time.Since(began).String())
			if d.Timer.ID == "day" && !d.Redelivered {
				return
			}
			assert.NoError(t, d.Ack())
		})
		time.Sleep(40 * 24 * time.Hour)
		cancel()
		synctest.Wait()
		assert.Equal(t, []string{
			"past 0s", "first 1h0m0s", "second 1h0m0s", "third 1h0m0s", "day 24h0m0s", "day 24h1m0s", "month 720h0m0s",
		}, heard)
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		ctx := t.Context()
		ends := make(chan error)
		go func() { ends <- log.Consume(ctx, events.Consumer{Name: "c", Type: "kyc"}, nil) }()
		go func() { ends <- log.Consume(ctx, events.Consumer{Name: "c", Type: "kyc", Timers: true}, nil) }()
		go func() { ends <- log.Follow(ctx, "kyc", "", 0, nil) }()
		go func() {
			_, err := log.History(ctx, "kyc", "1", 1)
			ends <- err
		}()
		require.NoError(t, log.SetTimer(ctx, events.Timer{Type: "kyc", To: "a", What: events.AdvanceTimer, ID: "1", Due: time.Now().Add(time.Hour)}))
		synctest.Wait()
		log.Close()
		for range 4 {
			assert.ErrorContains(t, <-ends, "the log is closed")
		}
		_, err := log.Append(ctx, task(t, "1"))
		assert.ErrorContains(t, err, "the log is closed")
		log.Close()
	})
}

func TestConsumerIsLegal(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		for wrong, c := range map[string]events.Consumer{
			`consume as "": the name is empty`:                                                       {},
			`consume as "a.b": '.' is not allowed in the name, only letters, digits, - and _`:        {Name: "a.b"},
			`consume as "c": filter "saga.other.>": nothing of "saga.kyc.>" passes it`:               {Name: "c", Filters: []string{"saga.other.>"}},
			`consume as "c": filter "timer.due.other.>": nothing of "timer.due.kyc.>" passes it`:     {Name: "c", Timers: true, Filters: []string{"timer.due.other.>"}},
			`consume as "c": filters "saga.kyc.a.>" and "saga.kyc.*.started.*" overlap`:              {Name: "c", Filters: []string{"saga.kyc.a.>", "saga.kyc.*.started.*"}},
			`consume as "c": filters "saga.kyc.a.started.*" and "saga.kyc.a.started.1" overlap`:      {Name: "c", Filters: []string{"saga.kyc.a.started.*", "saga.kyc.a.started.1"}},
			`consume as "c": filters "timer.due.kyc.a.*.*" and "timer.due.kyc.*.deadline.*" overlap`: {Name: "c", Timers: true, Filters: []string{"timer.due.kyc.a.*.*", "timer.due.kyc.*.deadline.*"}},
			`consume as "c": filter "saga.kyc": nothing of "saga.kyc.>" passes it`:                   {Name: "c", Filters: []string{"saga.kyc"}},
		} {
			c.Type = "kyc"
			assert.EqualError(t, log.Consume(t.Context(), c, nil), wrong)
		}
	})
}

func TestReadersHaveDataOfTheirOwn(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		e := task(t, "1")
		_, err := log.Append(t.Context(), e)
		require.NoError(t, err)
		e.Data[0] = '!'
		for range 2 {
			history, err := log.History(t.Context(), "kyc", "1", 0)
			require.NoError(t, err)
			assert.JSONEq(t, "{}", string(history[0].Data))
			history[0].Data[0] = '!'
		}
	})
}

func TestLeaseIsSettledOnce(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		_, err := log.Append(t.Context(), task(t, "1"))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var last events.Delivery
		require.NoError(t, log.Consume(ctx, events.Consumer{Name: "c", Type: "kyc"}, func(_ context.Context, d events.Delivery) {
			if last = d; !d.Redelivered {
				assert.NoError(t, d.Release(0))
				assert.EqualError(t, d.Ack(), "acknowledge message 1 of SAGA_kyc: the delivery was acknowledged or released already")
				return
			}
			assert.NoError(t, d.Ack())
			assert.ErrorContains(t, d.Extend(), "extend message 1 of SAGA_kyc: ")
			assert.ErrorContains(t, d.Release(0), "release message 1 of SAGA_kyc: ")
			cancel()
		}))
		log.Close()
		assert.ErrorContains(t, last.Ack(), "the log is closed")
	})
}

// The timers of all types share one stream, and a name in it is one consumer.
func TestNameIsTakenByAnotherType(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		require.NoError(t, log.Ensure(t.Context(), "other"))
		ctx, cancel := context.WithCancel(t.Context())
		go log.Consume(ctx, events.Consumer{Name: "c", Type: "kyc", Timers: true}, nil)
		synctest.Wait()
		err := log.Consume(ctx, events.Consumer{Name: "c", Type: "other", Timers: true}, nil)
		assert.EqualError(t, err, `consume as "c": the name is taken in TIMERS by saga type "kyc"`)
		cancel()
		assert.NoError(t, log.Consume(ctx, events.Consumer{Name: "c", Type: "other"}, nil))
	})
}

func TestTimerOfNoType(t *testing.T) {
	process(t, eventtest.Faults{}, func(t *testing.T, log *eventtest.Log, _ *eventtest.Faulty) {
		err := log.SetTimer(t.Context(), events.Timer{Type: "other", To: "a", What: events.AdvanceTimer, ID: "1"})
		assert.ErrorIs(t, err, events.ErrNoType)
	})
}
