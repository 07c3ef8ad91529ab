package agent_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// On the happy path of a linear saga nothing is read; one
// delivery, two appends, one acknowledgement for each step. The first sets the
// deadline's timer besides, the last writes the end.
func TestTheHappyPathReadsNothing(t *testing.T) {
	const sagas = 5
	bubble(t, func(w *world) {
		var all []*process
		for i, name := range []string{"seat", "card", "mail"} {
			cfg := config.Config{Agent: name, Final: i == 2, RetryPolicy: once}
			if i > 0 {
				cfg.After = []string{all[i-1].name}
			}
			all = append(all, w.start(cfg, takes(time.Second)))
		}
		for i := range sagas {
			w.submit(strconv.Itoa(i), `{"n":1}`)
		}
		w.sleep(time.Minute)
		for i := range sagas {
			require.Equal(w, saga.Completed, w.status(strconv.Itoa(i)))
		}
		for i, want := range []eventtest.Counts{
			{Appends: 2, Timers: 1, Deliveries: 1, Acks: 1},
			{Appends: 2, Deliveries: 1, Acks: 1},
			{Appends: 3, Deliveries: 1, Acks: 1},
		} {
			got := all[i].Counts()
			want.Appends *= sagas
			want.Timers *= sagas
			want.Deliveries *= sagas
			want.Acks *= sagas
			assert.Equal(w, want, got, all[i].name)
		}
	})
}

// A result that is too large for a context, and not for its event, costs a read
// and nothing else.
func TestWithoutAContextTheHistoryIsRead(t *testing.T) {
	bubble(t, func(w *world) {
		large := strings.Repeat("x", events.MaxInline-2)
		first := w.start(config.Config{Agent: "seat"}, does(func(context.Context) (agent.Result, error) { return agent.Result{Data: large}, nil }))
		second := w.start(config.Config{Agent: "card", After: []string{"seat"}}, takes(time.Second))
		var got string
		third := w.start(config.Config{Agent: "mail", After: []string{"card"}, Final: true}, agent.Handler{
			Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
				return agent.Result{}, t.Result("seat", &got)
			},
		})
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		assert.Equal(w, saga.Completed, w.status("1"))
		assert.Equal(w, large, got)
		assert.Zero(w, first.Counts().Reads)
		assert.Zero(w, second.Counts().Reads, "what it follows is in the message itself")
		assert.Equal(w, 1, third.Counts().Reads)
		done, _ := find[events.Done](w, "1", "card", "completed")
		assert.True(w, done.Omitted)
		assert.Nil(w, done.Context)
	})
}

// What a stranger wrote is passed over and acknowledged, once; the next saga
// goes on.
func TestForeignMessages(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(time.Second))
		for _, subject := range []string{
			"saga.trip.task.submitted.not:an:id", // passes the agent's filter
			"saga.trip.seat.fallback-seat.not:an:id",
			"saga.trip.seat.exploded.1", // passes nobody's
			"saga.trip.seat.started.2.more",
			"timer.due.trip.seat.lunch.1",
			"timer.due.trip.saga.deadline.not:an:id",
		} {
			require.NoError(w, w.log.PublishRaw(w.Context(), subject, nil, []byte("boo")))
		}
		w.submit("1", `{}`)
		w.sleep(time.Hour)
		assert.Equal(w, saga.Completed, w.status("1"))
		counts := p.Counts()
		assert.Equal(w, 5, counts.Deliveries, "four strangers and the task")
		assert.Equal(w, 5, counts.Acks)
		assert.Equal(w, 3, counts.Appends)
		assert.Equal(w, 4, strings.Count(p.logs.String(), "a message that is no event is passed over"))
		assert.Contains(w, p.logs.String(), `subject=saga.trip.task.submitted.not:an:id`)
		assert.NotContains(w, p.logs.String(), "boo")
	})
}

// A saga whose history makes no sense is put aside, and no other.
func TestASagaIsPutAside(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := config.Config{Agent: "card", After: []string{"seat"}, Final: true, Concurrency: 1}
		p := w.start(cfg, takes(time.Second))
		raw := func(subject, body string) {
			require.NoError(w, w.log.PublishRaw(w.Context(), subject, nil, []byte(body)))
		}
		raw("saga.trip.seat.started.1", `{"agent":"seat"}`)
		raw("saga.trip.seat.attempt-3.1", `{"agent":"seat"}`)
		raw("saga.trip.seat.completed.1", `{"agent":"seat"}`)
		raw("saga.trip.seat.started.2", `{"agent":"seat"}`)
		raw("saga.trip.seat.completed.2", `{"agent":"seat"}`)
		w.sleep(time.Hour)
		assert.Equal(w, []string{"seat.started@0s", "seat.attempt-3@0s", "seat.completed@0s"}, w.history("1"))
		assert.Equal(w, saga.Completed, w.status("2"))
		assert.Equal(w, 2, p.Counts().Acks)
		assert.Equal(w, 1, strings.Count(p.logs.String(), "the saga is put aside: its history makes no sense"))
		assert.Contains(w, p.logs.String(), `attempt-3 of step \"seat\", whose attempts so far are 1`)

		// Neither a latch nor a timer of it keeps anybody.
		raw("saga.trip.saga.unwinding.1", `{}`)
		raw("timer.due.trip.saga.deadline.1", `1`)
		raw("timer.due.trip.card.attempt-2.1", `1`)
		raw("timer.due.trip.card.undo-2.1", `1`)
		raw("saga.trip.card.compensate-card.1", `{}`)
		w.sleep(time.Hour)
		assert.Equal(w, 7, p.Counts().Acks)
		assert.Equal(w, 7, p.Counts().Deliveries)
	})
}

// A duplicate delivery, or an old message, finds the step in good hands: it is
// read, and acknowledged.
func TestAMessageThatIsAnswered(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(time.Second))
		w.submit("1", `{}`)
		w.sleep(10 * time.Second)
		require.NoError(w, p.end())
		before := w.history("1")

		// Another agent of the step, whose consumer is new. The message is from
		// before it, and looked into before anything is claimed.
		again := seat
		again.Agent, again.Step = "seat-two", "seat"
		q := w.start(again, takes(time.Second))
		w.sleep(time.Minute)
		assert.Equal(w, before, w.history("1"))
		counts := q.Counts()
		assert.Equal(w, eventtest.Counts{Reads: 1, Deliveries: 1, Acks: 1}, counts)
	})
}

// What could not be settled comes again, a second or two later.
func TestNotSettled(t *testing.T) {
	bubble(t, func(w *world) {
		var calls, times atomic.Int32
		broken := &failing{Log: w.log, append: func(e events.Event) error {
			if e.Subject.Kind == events.Completed && times.Add(1) == 1 {
				return errOops
			}
			return nil
		}}
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		out := &logs{}
		cfg := seat
		cfg.Saga = "trip"
		go func() {
			done <- agent.Options{Logger: logger(out), Random: func() float64 { return 0.5 }}.Run(ctx, broken, cfg,
				does(func(context.Context) (agent.Result, error) { calls.Add(1); return agent.Result{}, nil }))
		}()
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		// The attempt was lost with the answer: a takeover, not a retry.
		assert.Equal(w, []string{
			"task.submitted@0s", "seat.started@0s", "seat.attempt-2@1.5s", "seat.completed@1.5s", "saga.completed@1.5s",
		}, w.history("1"))
		assert.EqualValues(w, 2, calls.Load())
		assert.Contains(w, out.String(), "not settled; the message comes again")
		cancel()
		assert.NoError(w, <-done)
	})
}

// An acknowledgement that gets lost costs a look, and nothing else. A lease that
// can't be extended is told, and may be lost.
func TestALeaseThatFails(t *testing.T) {
	bubble(t, func(w *world) {
		var acks, extends, calls atomic.Int32
		log := &failing{Log: w.log, lease: func(l events.Lease) events.Lease {
			return moody{l, func() error {
				if acks.Add(1) == 1 {
					return errOops
				}
				return nil
			}, func() error {
				if extends.Add(1) == 1 {
					return errOops
				}
				return nil
			}}
		}}
		ctx, cancel := context.WithCancel(w.Context())
		done, out := make(chan error, 1), &logs{}
		cfg := seat
		cfg.Saga, cfg.Lease = "trip", 30*time.Second
		h := takes(25 * time.Second)
		perform := h.Perform
		h.Perform = func(ctx context.Context, t agent.Task) (agent.Result, error) { calls.Add(1); return perform(ctx, t) }
		go func() { done <- agent.Options{Logger: logger(out)}.Run(ctx, log, cfg, h) }()
		w.submit("1", `{}`)
		w.sleep(time.Hour)
		assert.Equal(w, []string{"task.submitted@0s", "seat.started@0s", "seat.completed@25s", "saga.completed@25s"}, w.history("1"))
		assert.EqualValues(w, 1, calls.Load())
		assert.EqualValues(w, 2, acks.Load())
		assert.Contains(w, out.String(), "msg=acknowledge")
		assert.Contains(w, out.String(), "extend the lease of a delivery")
		cancel()
		assert.NoError(w, <-done)
	})
}

// moody is a lease whose calls may fail.
type moody struct {
	events.Lease
	ack, extend func() error
}

func (m moody) Ack() error {
	if err := m.ack(); err != nil {
		return err
	}
	return m.Lease.Ack()
}

func (m moody) Extend() error {
	if err := m.extend(); err != nil {
		return err
	}
	return m.Lease.Extend()
}

// failing is a log with faults that are no death.
type failing struct {
	events.Log
	lease  func(events.Lease) events.Lease
	append func(events.Event) error
	timer  func(events.Timer) error
	read   func(id string) error
	put    func(ctx context.Context) error
	get    func() error
}

func (l *failing) Append(ctx context.Context, e events.Event) (uint64, error) {
	if l.append != nil {
		if err := l.append(e); err != nil {
			return 0, err
		}
	}
	return l.Log.Append(ctx, e)
}

func (l *failing) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	return l.Log.Consume(ctx, c, func(ctx context.Context, d events.Delivery) {
		if l.lease != nil {
			d.Lease = l.lease(d.Lease)
		}
		handle(ctx, d)
	})
}

func (l *failing) SetTimer(ctx context.Context, timer events.Timer) error {
	if l.timer != nil {
		if err := l.timer(timer); err != nil {
			return err
		}
	}
	return l.Log.SetTimer(ctx, timer)
}

func (l *failing) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	if l.read != nil {
		if err := l.read(id); err != nil {
			return nil, err
		}
	}
	return l.Log.History(ctx, typ, id, atLeast)
}

// Every call to the log may fail now and then, without a death: nothing is left
// undone, and the saga ends. (Deaths are told by sagatest.)
func TestEveryCallMayFail(t *testing.T) {
	perform := func(context.Context) (agent.Result, error) { return agent.Result{}, nil }
	refuse := func(context.Context) (agent.Result, error) { return agent.Result{}, agent.Refuse("declined", "no") }
	play := func(t *testing.T, last func(context.Context) (agent.Result, error), fails int) (calls int) {
		bubble(t, func(w *world) {
			var mu sync.Mutex
			fail := func() error {
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls == fails {
					return errOops
				}
				return nil
			}
			log := &failing{
				Log: w.log, append: func(events.Event) error { return fail() },
				timer: func(events.Timer) error { return fail() }, read: func(string) error { return fail() },
			}
			ctx, cancel := context.WithCancel(w.Context())
			done := make(chan error, 2)
			undone := 0
			for _, cfg := range []config.Config{
				{Agent: "seat", Saga: "trip", RetryPolicy: once, CompensationHandler: "undo"},
				{Agent: "card", Saga: "trip", After: []string{"seat"}, Final: true, RetryPolicy: once},
			} {
				h := does(perform)
				if cfg.Final {
					h = does(last)
				} else {
					h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error { undone++; return nil }}
				}
				go func() { done <- quiet.Run(ctx, log, cfg, h) }()
			}
			w.submit("1", `{}`)
			w.sleep(time.Hour)
			s, err := saga.Fold(w.events("1"))
			require.NoError(w, err)
			assert.True(w, s.Ended(), "call %d failed: %v", fails, w.history("1"))
			if s.Turned() {
				assert.Positive(w, undone)
			}
			cancel()
			assert.NoError(w, errors.Join(<-done, <-done))
		})
		return calls
	}
	for name, last := range map[string]func(context.Context) (agent.Result, error){"forward": perform, "back": refuse} {
		t.Run(name, func(t *testing.T) {
			n := play(t, last, 0)
			require.Greater(t, n, 5)
			for i := range n {
				play(t, last, i+1)
			}
		})
	}
}

func (l *failing) Put(ctx context.Context, typ string, data []byte) (events.Ref, error) {
	if l.put != nil {
		if err := l.put(ctx); err != nil {
			return events.Ref{}, err
		}
	}
	return l.Log.Put(ctx, typ, data)
}

func (l *failing) Get(ctx context.Context, typ string, r events.Ref) ([]byte, error) {
	if l.get != nil {
		if err := l.get(); err != nil {
			return nil, err
		}
	}
	return l.Log.Get(ctx, typ, r)
}
