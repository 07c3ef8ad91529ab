package agent_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// A diary is what an observer was asked, and what it was told when it had the
// time, as lines.
type diary struct {
	mu          sync.Mutex
	asked, told []string
}

func (d *diary) ask(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf(format, args...))
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, fmt.Sprintf(format, args...))
}

func (d *diary) take() (asked, told []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked, told = d.asked, d.told
	d.asked, d.told = nil, nil
	return asked, told
}

func (d *diary) observer() agent.Observer {
	return agent.Observer{
		Heard: func(ctx context.Context, h agent.Heard) (context.Context, func(agent.Settled)) {
			d.ask("%s hears %s", h.Purpose, h.Delivery.Subject)
			return ctx, func(s agent.Settled) { d.note("%s %s in %s", h.Purpose, s.How, s.Took) }
		},
		Called: func(ctx context.Context, c agent.Call) (context.Context, func(agent.Returned)) {
			d.ask("call: attempt %d, undoing %t, %s", c.Attempt, c.Undoing, c.Cause)
			return ctx, func(r agent.Returned) { d.note("return: %s %s %s in %s", r.How, r.Class, r.Code, r.Took) }
		},
		Writes: func(_ context.Context, w agent.Writing) (agent.Trace, func(agent.Written)) {
			return agent.Trace{}, func(is agent.Written) {
				d.note("write %s (%T), refused %t", w.Event.Subject.Event(), w.Data, is.Refused)
			}
		},
		Sets: func(_ context.Context, _ agent.Who, t events.Timer) agent.Trace {
			d.ask("set %s for %s", t.Set(), t.To)
			return agent.Trace{}
		},
		Throttled: func(_ agent.Who, t agent.Throttle) { d.note("throttled for %s, over %t", t.For, t.Over) },
		Breaker:   func(_ agent.Who, b agent.Breaker) { d.note("breaker %s", b) },
		Phase:     func(_ agent.Who, p agent.Phase) { d.note("phase %s", p) },
	}
}

// fickle fails so many times, and then works; what it did can be undone.
func fickle(times int, err error) agent.Handler {
	var calls atomic.Int64
	return agent.Handler{
		Perform: func(context.Context, agent.Task) (agent.Result, error) {
			if calls.Add(1) <= int64(times) {
				return agent.Result{}, err
			}
			return agent.Result{Data: "12A"}, nil
		},
		Compensations: agent.Compensations{"undo": func(context.Context, agent.Undo) error { return nil }},
	}
}

func undoable(cfg config.Config) config.Config {
	cfg.CompensationHandler = "undo"
	return cfg
}

// TestObserved: what an observer hears of a retry, and of an undoing.
func TestObserved(t *testing.T) {
	bubble(t, func(w *world) {
		var d diary
		cfg := undoable(seat)
		cfg.RetryPolicy, cfg.Final = every(1), false
		p := w.start(cfg, fickle(1, errOops), agent.Options{Observers: []agent.Observer{d.observer()}})
		w.sleep(0)
		_, told := d.take()
		assert.Equal(t, []string{"phase starting", "phase listening"}, told)

		w.submit("1", "{}")
		w.sleep(10 * time.Second)
		asked, told := d.take()
		assert.Equal(t, []string{
			"forward hears saga.trip.task.submitted.1",
			"set timer.set.trip.saga.deadline.1 for saga",
			"call: attempt 1, undoing false, task",
			"set timer.set.trip.seat.attempt-2.1 for seat",
			"timers hears timer.due.trip.seat.attempt-2.1",
			"call: attempt 2, undoing false, retry",
		}, asked)
		assert.Equal(t, []string{
			"write started (events.Claim), refused false",
			"return: failed transient transient in 0s",
			"write failed-1 (events.Failure), refused false",
			"forward acknowledged in 0s",
			"write attempt-2 (events.Claim), refused false",
			"return: worked   in 0s",
			"write completed (events.Done), refused false",
			"timers acknowledged in 0s",
		}, told)

		w.say(events.LatchSubject("trip", "1"), events.Turn{Reason: events.ReasonCancelled, By: "test"})
		w.sleep(10 * time.Second)
		asked, told = d.take()
		assert.Equal(t, "unwinding hears saga.trip.saga.unwinding.1", asked[0])
		assert.Contains(t, asked, "call: attempt 2, undoing true, ")
		assert.Equal(t, "write compensate-seat (events.UndoOrder), refused false", told[0])
		assert.Contains(t, told, "write compensated-seat (events.Undone), refused false")
		assert.Equal(t, saga.Compensated, w.status("1"))
		require.NoError(t, p.end())
		_, told = d.take()
		assert.Equal(t, []string{"phase draining", "phase ended"}, told)
	})
}

// TestObservedRails: what an observer hears of who slows down, and of a breaker.
func TestObservedRails(t *testing.T) {
	bubble(t, func(w *world) {
		var d diary
		cfg := seat
		cfg.RetryPolicy = every(5)
		cfg.CircuitBreaker = &config.CircuitBreaker{Failures: 2, OpenFor: 10 * time.Second, Successes: 1}
		w.start(cfg, fickle(2, errOops), agent.Options{Observers: []agent.Observer{{
			Throttled: d.observer().Throttled, Breaker: d.observer().Breaker,
		}}})
		w.submit("1", "{}")
		w.sleep(time.Minute)
		_, told := d.take()
		assert.Equal(t, []string{"breaker open", "breaker half_open", "breaker closed"}, told)
	})
	bubble(t, func(w *world) {
		var d diary
		cfg := seat
		cfg.RateLimit = &config.RateLimit{Requests: 10, Per: time.Second, Burst: 1}
		w.start(cfg, fickle(1, agent.RetryAfter(5*time.Second, errOops)), agent.Options{Observers: []agent.Observer{{
			Throttled: d.observer().Throttled,
		}}})
		w.submit("1", "{}")
		w.sleep(time.Minute)
		w.submit("2", "{}")
		w.sleep(time.Second)
		_, told := d.take()
		assert.Equal(t, []string{"throttled for 5s, over false", "throttled for 0s, over true"}, told)
	})
}

// TestTraceTravels: an event carries what the observer says, and else what its
// cause has; a timer too, so that a retry is in the trace of its saga.
func TestTraceTravels(t *testing.T) {
	const outside = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	submit := func(w *world) {
		require.NoError(w, w.log.PublishRaw(w.Context(), events.TaskSubject("trip", "1").String(),
			events.Header{"traceparent": {outside}, "tracestate": {"a=b"}}, []byte("{}")))
	}
	cfg := seat
	cfg.RetryPolicy = every(1)
	traces := func(w *world) (list []string) {
		for _, e := range w.events("1") {
			list = append(list, e.Subject.Event()+" "+e.TraceParent+" "+e.TraceState)
		}
		return list
	}
	bubble(t, func(w *world) {
		w.start(cfg, fickle(1, errOops))
		submit(w)
		w.sleep(time.Minute)
		for _, line := range traces(w) {
			assert.Contains(t, line, " "+outside+" a=b")
		}
		assert.Equal(t, saga.Completed, w.status("1"))
	})
	bubble(t, func(w *world) {
		var heard diary
		n := 0
		w.start(cfg, fickle(1, errOops), agent.Options{Observers: []agent.Observer{{
			Heard: func(_ context.Context, h agent.Heard) (context.Context, func(agent.Settled)) {
				heard.note("%s %s", h.Purpose, h.Trace().Parent)
				return nil, nil
			},
			Writes: func(context.Context, agent.Writing) (agent.Trace, func(agent.Written)) {
				n++
				return agent.Trace{Parent: fmt.Sprintf("parent-%d", n)}, nil
			},
			Sets: func(context.Context, agent.Who, events.Timer) agent.Trace { return agent.Trace{Parent: "timer"} },
		}}})
		submit(w)
		w.sleep(time.Minute)
		assert.Equal(t, []string{
			"submitted " + outside + " a=b", "started parent-1 ", "failed-1 parent-2 ",
			"attempt-2 parent-3 ", "completed parent-4 ", "completed parent-5 ",
		}, traces(w))
		_, told := heard.take()
		assert.Equal(t, []string{"forward " + outside, "timers timer"}, told)
	})
}

// TestObserverHarmsNobody: a saga goes its way whatever its observers do.
func TestObserverHarmsNobody(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	forever := make(chan struct{})
	every := func(do func() context.Context) agent.Observer {
		return agent.Observer{
			Heard: func(context.Context, agent.Heard) (context.Context, func(agent.Settled)) {
				return do(), func(agent.Settled) { do() }
			},
			Called: func(context.Context, agent.Call) (context.Context, func(agent.Returned)) {
				return do(), func(agent.Returned) { do() }
			},
			Writes: func(context.Context, agent.Writing) (agent.Trace, func(agent.Written)) {
				do()
				return agent.Trace{}, func(agent.Written) { do() }
			},
			Sets:  func(context.Context, agent.Who, events.Timer) agent.Trace { do(); return agent.Trace{} },
			Phase: func(agent.Who, agent.Phase) { do() },
		}
	}
	for name, c := range map[string]struct {
		observer agent.Observer
		logs     string
		within   time.Duration
	}{
		"it panics":                    {every(func() context.Context { panic(errors.New("oh")) }), "an observer panicked", 0},
		"its context ends":             {every(func() context.Context { return cancelled }), "", 0},
		"its context is of no work":    {every(context.Background), "", 0},
		"it is slow":                   {every(func() context.Context { time.Sleep(time.Second); return nil }), "an observer is slow", 2 * time.Second},
		"it hangs":                     {every(func() context.Context { <-forever; return nil }), "an observer is slow", 2 * time.Second},
		"it says nothing of any trace": {agent.Observer{}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				o := c.observer
				if name == "it hangs" {
					forever = make(chan struct{}) // of this bubble
					defer func() { close(forever); time.Sleep(time.Second) }()
				}
				var d diary
				p := w.start(undoable(seat), fickle(0, nil), agent.Options{Observers: []agent.Observer{o, d.observer()}})
				for i := range 5 {
					w.submit(fmt.Sprint(i), "{}")
				}
				w.sleep(c.within * 5)
				for i := range 5 {
					assert.Equal(t, saga.Completed, w.status(fmt.Sprint(i)))
				}
				asked, told := d.take()
				assert.Len(t, asked, 5*3, "who behaves is told all the same")
				assert.Len(t, told, 2+5*5)
				if c.logs == "" {
					assert.NotContains(t, p.logs.String(), "observer")
				} else {
					assert.Contains(t, p.logs.String(), c.logs)
				}
				assert.NoError(t, p.end())
				if name == "it is slow" {
					time.Sleep(time.Minute) // until it is through
				}
			})
		})
	}
}
