package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// calls is when a handler was called, and how many at once.
type calls struct {
	mu    sync.Mutex
	at    []time.Duration
	under int
	most  int
}

func (c *calls) begin(w *world) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Since(w.began).Round(time.Millisecond))
	c.under++
	c.most = max(c.most, c.under)
	return len(c.at)
}

func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under--
}

func (c *calls) times() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.at)
}

// handles counts calls that take a while.
func (c *calls) handles(w *world, takes time.Duration, outcome func(n int, t agent.Task) error) agent.Handler {
	return agent.Handler{Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
		n := c.begin(w)
		defer c.end()
		time.Sleep(takes)
		if outcome == nil {
			return agent.Result{}, nil
		}
		return agent.Result{}, outcome(n, t)
	}}
}

func (w *world) submitAll(n int) {
	for i := range n {
		w.submit(fmt.Sprint(i+1), `{}`)
	}
}

// ended counts the sagas that ended in some way.
func (w *world) ended(n int, how saga.Status) (count int) {
	for i := range n {
		if w.status(fmt.Sprint(i+1)) == how {
			count++
		}
	}
	return count
}

// untouched counts the sagas that have nothing but their task.
func (w *world) untouched(n int) (count int) {
	for i := range n {
		if len(w.events(fmt.Sprint(i+1))) == 1 {
			count++
		}
	}
	return count
}

func seconds(n ...float64) (list []time.Duration) {
	for _, s := range n {
		list = append(list, time.Duration(s*float64(time.Second)))
	}
	return list
}

// The bulkhead holds, however the calls were asked for: here half of them by
// tasks, and half by the timers of those that failed before.
func TestConcurrencyIsABulkhead(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Concurrency, cfg.RetryPolicy = 3, every(1)
		var c calls
		w.start(cfg, c.handles(w, 2*time.Second, func(_ int, t agent.Task) error {
			if t.Attempt == 1 {
				return errOops
			}
			return nil
		}))
		w.submitAll(12)
		w.sleep(time.Minute)
		assert.Equal(w, 12, w.ended(12, saga.Completed))
		assert.Len(w, c.at, 24)
		assert.Equal(w, 3, c.most)
		assert.Equal(w, 14*time.Second, slices.Max(c.at), "and every slot is used: 24 calls, 3 at a time")
	})
}

// Undoings have slots of their own: what is stuck forward keeps nothing from
// being undone.
func TestUndoingDoesNotWaitForWork(t *testing.T) {
	bubble(t, func(w *world) {
		first := seat
		first.Final, first.Concurrency, first.CompensationHandler = false, 1, "undo"
		first.RateLimit = &config.RateLimit{Requests: 1, Per: time.Hour, Burst: 2}
		var c calls
		h := c.handles(w, time.Second, nil)
		var undone []time.Duration
		h.Compensations = agent.Compensations{"undo": func(context.Context, agent.Undo) error {
			undone = append(undone, time.Since(w.began))
			return nil
		}}
		w.start(first, h)
		w.start(config.Config{Agent: "card", After: []string{"seat"}, Final: true, RetryPolicy: once},
			does(func(context.Context) (agent.Result, error) { return agent.Result{}, agent.Refuse("declined", "no") }))
		w.submitAll(4)
		w.sleep(time.Minute)
		assert.Equal(w, seconds(0, 1), c.times(), "the other two wait for a turn, in an hour")
		assert.Equal(w, seconds(1, 2), undone)
		assert.Equal(w, 2, w.ended(4, saga.Compensated))
	})
}

// Whoever waits for a turn has claimed nothing, keeps its message, and is called
// when it is its turn.
func TestRateLimit(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RateLimit = &config.RateLimit{Requests: 2, Per: 10 * time.Second, Burst: 3}
		cfg.Lease = 20 * time.Second
		var c calls
		p := w.start(cfg, c.handles(w, 0, nil))
		w.submitAll(7)
		w.sleep(12 * time.Second)
		assert.Equal(w, 2, w.untouched(7), "they have claimed nothing")
		w.sleep(time.Minute)
		assert.Equal(w, 7, w.ended(7, saga.Completed))
		assert.Equal(w, seconds(0, 0, 0, 5, 10, 15, 20), c.times())
		var claimed []time.Duration
		for i := range 7 {
			_, at := find[events.Claim](w, fmt.Sprint(i+1), "seat", "started")
			claimed = append(claimed, at)
		}
		slices.Sort(claimed)
		assert.Equal(w, c.times(), claimed, "it is claimed when it is called, not before")
		assert.Equal(w, 7, p.Counts().Deliveries, "the lease was extended")
	})
}

// A message is held for a lease, and then given back: another instance may have
// a turn. Nobody's turn is lost by that.
func TestRateLimitBeyondALease(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RateLimit = &config.RateLimit{Requests: 1, Per: 100 * time.Second}
		cfg.Lease = 10 * time.Second
		var c calls
		p := w.start(cfg, c.handles(w, 0, nil))
		w.submitAll(3)
		w.sleep(95 * time.Second)
		assert.Equal(w, seconds(0), c.times())
		assert.Equal(w, 1+2*10, p.Counts().Deliveries, "each of two is held for ten seconds at a time")
		var d calls
		q := w.start(cfg, d.handles(w, 0, nil))
		w.sleep(5 * time.Minute)
		assert.Equal(w, 3, w.ended(3, saga.Completed))
		assert.Len(w, slices.Concat(c.times(), d.times()), 3)
		for _, at := range [][]time.Duration{c.times(), d.times()} {
			for i := range at[min(1, len(at)):] {
				assert.GreaterOrEqual(w, at[i+1]-at[i], 100*time.Second, "each keeps its own limit")
			}
		}
		assert.Equal(w, 3, p.Counts().Acks+q.Counts().Acks)
		for _, id := range []string{"1", "2", "3"} {
			assert.Len(w, w.events(id), 4)
		}
	})
}

// Who waits for a turn does not hold up the end of the process, and its message
// is another's at once.
func TestStopWhileHeldBack(t *testing.T) {
	for name, cfg := range map[string]config.Config{
		"by the limit":    {RateLimit: &config.RateLimit{Requests: 1, Per: time.Hour}, Lease: 2 * time.Hour},
		"by the bulkhead": {Concurrency: 1, Lease: 2 * time.Hour, Timeout: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg.Agent, cfg.Final, cfg.RetryPolicy, cfg.CompensationHandler = "seat", true, once, config.NoCompensation
				var c calls
				p := w.start(cfg, c.handles(w, 5*time.Second, nil))
				w.submitAll(2)
				w.sleep(2 * time.Second)
				began := time.Now()
				require.NoError(w, p.end())
				assert.Equal(w, 3*time.Second, time.Since(began), "the call under way ends")
				assert.Equal(w, 1, w.untouched(2))
				w.start(seat, takes(0))
				w.sleep(time.Second)
				assert.Equal(w, 2, w.ended(2, saga.Completed))
			})
		})
	}
}

// A claim that is refused gives its slot back: here the saga turned while it
// waited for a turn.
func TestARefusedClaimGivesItsSlotBack(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Concurrency, cfg.RateLimit = 1, &config.RateLimit{Requests: 1, Per: 10 * time.Second}
		var c calls
		w.start(cfg, c.handles(w, 0, nil))
		w.submit("1", `{}`)
		w.sleep(time.Second)
		w.submit("2", `{}`)
		w.sleep(time.Second)
		w.submit("3", `{}`)
		w.say(events.LatchSubject("trip", "2"), events.Turn{Reason: events.ReasonCancelled, By: "a person"})
		w.sleep(time.Minute)
		assert.Equal(w, seconds(0, 20), c.times())
		assert.Equal(w, saga.Compensated, w.status("2"))
		assert.Equal(w, saga.Completed, w.status("3"))
	})
}

// flaky is an agent with a breaker and a stand-in that always can.
func (w *world) flaky(b config.CircuitBreaker, c *calls, outcome func(n int, t agent.Task) error) *process {
	cfg := seat
	cfg.CircuitBreaker, cfg.FallbackAgents, cfg.Timeout = &b, []string{"lite"}, 30*time.Second
	w.start(config.Config{Agent: "lite", Step: "seat", StandIn: true, Final: true, RetryPolicy: once}, takes(0))
	return w.start(cfg, c.handles(w, 0, outcome))
}

func TestBreakerOpensAndTheStandInTakesOver(t *testing.T) {
	bubble(t, func(w *world) {
		var c calls
		p := w.flaky(config.CircuitBreaker{Failures: 3, OpenFor: 30 * time.Second, Successes: 1}, &c, func(n int, _ agent.Task) error {
			if n <= 3 {
				return errOops
			}
			return nil
		})
		for n := range 10 {
			w.submit(fmt.Sprint(n+1), `{}`)
			w.sleep(time.Second)
		}
		assert.Equal(w, seconds(0, 1, 2), c.times())
		assert.Equal(w, 10, w.ended(10, saga.Completed))
		assert.Equal(w, []string{
			"task.submitted@5s", "seat.started@5s", "seat.failed-1@5s", "seat.fallback-lite@5s",
			"seat.attempt-2@5s", "seat.completed@5s", "saga.completed@5s",
		}, w.history("6"), "at once")
		f, _ := find[events.Failure](w, "6", "seat", "failed-1")
		assert.Equal(w, events.Failure{
			Agent: "seat", Class: events.Unavailable, Left: events.LeftNothing, Then: events.ThenFallback, Next: "lite", Chain: f.Chain,
			Error: events.Error{Code: "circuit_open", Message: "not called: the circuit breaker is open until 2000-01-01T00:00:32Z"},
		}, f)
		assert.Contains(w, p.logs.String(), `level=WARN msg="circuit breaker opens: the handler is not called" type=trip step=seat agent=seat for=30s`)

		w.sleep(30 * time.Second)
		w.submit("11", `{}`)
		w.sleep(time.Second)
		w.submit("12", `{}`)
		w.sleep(time.Second)
		assert.Equal(w, seconds(0, 1, 2, 40, 41), c.times())
		assert.Contains(w, p.logs.String(), `level=WARN msg="circuit breaker is half open: one call at a time is tried"`)
		assert.Contains(w, p.logs.String(), `level=WARN msg="circuit breaker closes: the handler is called again"`)
	})
}

// What counts, and what does not.
func TestBreakerCounts(t *testing.T) {
	refused, unavailable := agent.Refuse("declined", "no"), agent.Unavailable("quota", errOops)
	ok := error(nil)
	for name, c := range map[string]struct {
		breaker  config.CircuitBreaker
		outcomes []error // each a second after the one before
		opens    int     // after how many calls; 0: never
	}{
		"in a row":                     {config.CircuitBreaker{Failures: 3}, []error{errOops, errOops, ok, errOops, errOops, errOops}, 6},
		"transient, unavailable, lost": {config.CircuitBreaker{Failures: 3}, []error{errOops, unavailable, agent.Unknown(errOops)}, 3},
		"a panic counts too":           {config.CircuitBreaker{Failures: 1}, []error{errPanic}, 1},
		"refusals do not":              {config.CircuitBreaker{Failures: 2}, []error{refused, refused, refused, refused}, 0},
		"refusals in between":          {config.CircuitBreaker{Failures: 2}, []error{errOops, refused, refused, errOops}, 4},
		"a dead key says nothing":      {config.CircuitBreaker{Failures: 2}, []error{agent.ErrDead, agent.ErrDead, agent.ErrDead}, 0},
		"of so many":                   {config.CircuitBreaker{Failures: 2, Of: 4}, []error{errOops, ok, ok, ok, errOops, ok, ok, errOops}, 8},
		"within a window":              {config.CircuitBreaker{Failures: 3, Window: 6 * time.Second}, []error{errOops, ok, errOops, ok, ok, ok, errOops, errOops}, 8},
		"too slowly for the window":    {config.CircuitBreaker{Failures: 3, Window: 3 * time.Second}, []error{errOops, ok, errOops, ok, errOops, ok, errOops}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				var n calls
				w.flaky(c.breaker, &n, func(n int, _ agent.Task) error {
					if n > len(c.outcomes) {
						return nil
					}
					if errors.Is(c.outcomes[n-1], errPanic) {
						panic("oops")
					}
					return c.outcomes[n-1]
				})
				for i := range len(c.outcomes) + 3 {
					w.submit(fmt.Sprint(i+1), `{}`)
					w.sleep(time.Second)
				}
				want := c.opens
				if want == 0 {
					want = len(c.outcomes) + 3
				}
				assert.Len(w, n.times(), want)
			})
		})
	}
}

var errPanic = errors.New("panic")

// Half open, one call at a time is tried. All others find the breaker open; and
// what was under way when it opened says nothing of what is now.
func TestBreakerHalfOpen(t *testing.T) {
	for name, c := range map[string]struct {
		trial  error
		then   int // calls of the ten that come when the trial is over
		second int // and of the ten that come after
	}{
		"the trial works":      {nil, 1, 10},
		"the trial fails":      {errOops, 0, 0},
		"the trial is refused": {agent.Refuse("declined", "no"), 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				var n calls
				w.flaky(config.CircuitBreaker{Failures: 2, OpenFor: 30 * time.Second, Successes: 2}, &n, func(n int, _ agent.Task) error {
					switch {
					case n == 1:
						time.Sleep(time.Minute) // left behind, and its failure comes when the trial runs
						return nil
					case n <= 3:
						return errOops
					case n == 4:
						time.Sleep(5 * time.Second)
						return c.trial
					default:
						time.Sleep(time.Second)
						return nil
					}
				})
				ids := 0
				batch := func(of int) (called int) {
					before := len(n.times())
					for range of {
						ids++
						w.submit(fmt.Sprint(ids), `{}`)
					}
					w.sleep(100 * time.Millisecond)
					return len(n.times()) - before
				}
				w.sleep(15 * time.Second)
				assert.Equal(w, 1, batch(1), "it hangs until 46s")
				assert.Equal(w, 2, batch(2), "they fail at once")
				w.sleep(20 * time.Second)
				assert.Zero(w, batch(10), "open")
				w.sleep(10 * time.Second)
				assert.Equal(w, 1, batch(10), "half open at 45s: the trial")
				assert.Zero(w, batch(10), "the trial goes on")
				w.sleep(5 * time.Second)
				assert.Equal(w, c.then, batch(10), "it is over")
				w.sleep(2 * time.Second)
				if c.trial == nil || c.second == 0 {
					assert.Equal(w, c.second, batch(10))
				} else {
					assert.Equal(w, 1, batch(10), "a refusal has not helped: the second trial")
				}
				w.sleep(time.Minute)
				refused := 0
				if c.second != 0 && c.trial != nil {
					refused = 1
				}
				assert.Equal(w, ids-refused, w.ended(ids, saga.Completed))
			})
		})
	}
}

// A provider that answers in good order that it wants a pause is no broken one.
func TestThrottledCallsOpenNoBreaker(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.CircuitBreaker = &config.CircuitBreaker{Failures: 2, OpenFor: time.Hour}
		var c calls
		w.start(cfg, c.handles(w, 0, func(n int, _ agent.Task) error {
			if n <= 4 {
				return agent.RetryAfter(time.Minute, errOops)
			}
			return nil
		}))
		w.submit("1", `{}`)
		w.sleep(10 * time.Minute)
		assert.Equal(w, seconds(0, 60, 120, 180, 240), c.times())
		assert.Equal(w, saga.Completed, w.status("1"))
	})
}

// What has waited for no turn is not called either: many may have found the
// breaker shut while one was tried.
func TestBreakerClosesAheadOfThoseWhoFoundItShut(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.CircuitBreaker = &config.CircuitBreaker{Failures: 1, Successes: 1}
		assert.True(w, agent.LateForTheBreaker(cfg))
	})
}

// Without anybody who could take over, the sagas wait until the breaker lets a
// call through, and that costs no retry.
func TestBreakerWithoutAStandIn(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.CircuitBreaker = &config.CircuitBreaker{Failures: 2, OpenFor: 30 * time.Second, Successes: 1}
		cfg.RetryPolicy = every(2)
		var c calls
		up := 100 * time.Second
		w.start(cfg, c.handles(w, 0, func(int, agent.Task) error {
			if time.Since(w.began) < up {
				return errOops
			}
			return nil
		}))
		w.submit("1", `{}`)
		w.sleep(time.Minute)
		// The second failure opens it, the third is the trial at its end.
		assert.Equal(w, seconds(0, 1, 31), c.times())
		f, _ := find[events.Failure](w, "1", "seat", "failed-3")
		assert.Equal(w, events.Failure{
			Agent: "seat", Class: events.Unavailable, Left: events.LeftNothing, Then: events.ThenRetry, Throttled: true, Due: events.Duration(29 * time.Second),
			Error: events.Error{Code: "circuit_open", Message: "not called: the circuit breaker is open until 2000-01-01T00:00:31Z"},
		}, f)
		assert.Equal(w, saga.Compensated, w.status("1"), "its own retries are used up")

		w.submit("2", `{}`) // open until 61s, and again until 91s and 121s
		w.sleep(2 * time.Minute)
		assert.Equal(w, saga.Completed, w.status("2"))
		assert.Equal(w, seconds(0, 1, 31, 61, 91, 121), c.times())
	})
}

// A provider that is never ready is given up by the patience of a history, and
// what is written can still be read.
func TestPatienceEnds(t *testing.T) {
	for name, policy := range map[string]config.RetryPolicy{"none": once, "two": every(2)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				cfg := seat
				cfg.RetryPolicy = policy
				var c calls
				w.start(cfg, c.handles(w, 0, func(int, agent.Task) error { return agent.RetryAfter(10*time.Second, errOops) }))
				w.submit("1", `{}`)
				w.sleep(12 * time.Hour)
				assert.Equal(w, saga.Compensated, w.status("1"))
				history := w.events("1")
				assert.Less(w, len(history), saga.Patience+10)
				assert.Len(w, c.times(), saga.Patience/2+policy.MaxRetries)
			})
		})
	}
}

// A process that comes back decides as the one before: it reads what counts.
func TestThrottledIsReadFromTheHistory(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.RetryPolicy = every(1)
		var c calls
		outcome := func(n int, _ agent.Task) error {
			if n == 4 || n == 6 {
				return errOops
			}
			return agent.RetryAfter(10*time.Second, errOops)
		}
		p := w.start(cfg, c.handles(w, 0, outcome))
		w.submit("1", `{}`)
		w.sleep(25 * time.Second)
		require.NoError(w, p.end())
		w.start(cfg, c.handles(w, 0, outcome))
		w.sleep(time.Hour)
		var counted, free int
		for _, e := range w.events("1") {
			var f events.Failure
			if e.Subject.Kind == events.Failed && e.Unpack(&f) == nil {
				if f.Throttled {
					free++
				} else {
					counted++
				}
			}
		}
		assert.Equal(w, 4, free)
		assert.Equal(w, 2, counted, "the second of them is the last")
		assert.Equal(w, saga.Compensated, w.status("1"))
		assert.NotContains(w, strings.Join(w.history("1"), " "), "attempt-7")
	})
}

// Whoever configures no rails pays nothing for them.
func TestNoRailsAllocateNothing(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(1000, agent.Rails(seat)))
}

func BenchmarkRails(b *testing.B) {
	all := seat
	all.RateLimit = &config.RateLimit{Requests: 1_000_000, Per: time.Microsecond, Burst: 1_000_000}
	all.CircuitBreaker = &config.CircuitBreaker{Failures: 5, Window: time.Minute}
	for name, cfg := range map[string]config.Config{"none": seat, "all": all} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			through := agent.Rails(cfg)
			for b.Loop() {
				through()
			}
		})
	}
}

// A provider asks for an hour's pause. Tries that wait for it do not keep the
// agent from undoing: that is another call, and mostly another provider's.
func TestUndoingDoesNotWaitForTheForwardPace(t *testing.T) {
	bubble(t, func(w *world) {
		cfg := seat
		cfg.Concurrency, cfg.RetryPolicy, cfg.CompensationRetryPolicy, cfg.CompensationHandler = 1, every(3), every(3), "give-back"
		cfg.Deadline = 24 * time.Hour
		undone := 0
		w.start(cfg, agent.Handler{
			Perform: func(_ context.Context, task agent.Task) (agent.Result, error) {
				switch {
				case task.ID == "turns":
					return agent.Result{}, agent.Unknown(errOops)
				case task.ID == "throttled" && task.Attempt == 1:
					return agent.Result{}, agent.RetryAfter(time.Hour, errOops)
				case task.Attempt == 1:
					return agent.Result{}, errOops
				}
				return agent.Result{}, nil
			},
			Compensations: agent.Compensations{"give-back": func(context.Context, agent.Undo) error {
				if undone++; undone < 3 {
					return errors.New("not yet")
				}
				return nil
			}},
		})
		w.sleep(time.Second)
		w.submit("tried-again", `{}`)
		w.submit("turns", `{}`)
		w.submit("throttled", `{}`)
		w.sleep(500 * time.Millisecond)
		w.say(events.LatchSubject("trip", "turns"), events.Turn{Reason: events.ReasonCancelled, By: "a person"})
		w.sleep(5 * time.Minute)
		assert.Equal(t, saga.Compensated, w.status("turns"), w.history("turns"))
		w.sleep(time.Hour)
		assert.Equal(t, saga.Completed, w.status("tried-again"), w.history("tried-again"))
		assert.Equal(t, saga.Completed, w.status("throttled"), w.history("throttled"))
	})
}
