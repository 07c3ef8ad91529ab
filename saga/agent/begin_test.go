package agent_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
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

func TestRunRefusesToBegin(t *testing.T) {
	perform := func(context.Context, agent.Task) (agent.Result, error) { return agent.Result{}, nil }
	undo := func(context.Context, agent.Undo) error { return nil }
	both := agent.Compensations{"refund": undo, "cancel": undo}
	cfg := config.Config{Agent: "card", Saga: "trip"}
	named := func(name string) config.Config {
		c := cfg
		c.CompensationHandler = name
		return c
	}
	for name, c := range map[string]struct {
		cfg  config.Config
		h    agent.Handler
		want string
	}{
		"no configuration": {
			config.Config{}, agent.Handler{Perform: perform},
			`run agent "": agent: is required` + "\n" + `saga: is required`,
		},
		"no function": {cfg, agent.Handler{}, `run agent "card": the handler has no Perform`},
		"it can undo, and nothing says how": {
			cfg, agent.Handler{Perform: perform, Compensations: both},
			`run agent "card": no compensation_handler is configured, but the program can undo (hint: one of cancel, refund, or none)`,
		},
		"a name that is not there": {
			named("refnd"), agent.Handler{Perform: perform, Compensations: both},
			`run agent "card": compensation_handler "refnd" is not registered by the program (hint: it registers cancel, refund)`,
		},
		"a name, and there is none": {
			named("refund"), agent.Handler{Perform: perform},
			`run agent "card": compensation_handler "refund" is not registered by the program (hint: it registers none)`,
		},
		"a name without a function": {
			named("refund"), agent.Handler{Perform: perform, Compensations: agent.Compensations{"refund": nil}},
			`run agent "card": compensation_handler "refund" is not registered by the program (hint: it registers refund)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := eventtest.NewLog()
			defer log.Close()
			assert.EqualError(t, agent.Run(t.Context(), log, c.cfg, c.h), c.want)
			types, err := log.Types(t.Context())
			require.NoError(t, err)
			assert.Empty(t, types, "it made a stream")
		})
	}
}

func TestRunBegins(t *testing.T) {
	undo := func(context.Context, agent.Undo) error { return nil }
	for name, c := range map[string]struct {
		handler string
		undo    agent.Compensations
	}{
		"there is nothing to undo, and nothing says so": {"", nil},
		"there is nothing to undo":                      {config.NoCompensation, nil},
		"it can undo, but this agent need not":          {config.NoCompensation, agent.Compensations{"refund": undo}},
		"one of two":                                    {"refund", agent.Compensations{"refund": undo, "cancel": undo}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				h := takes(0)
				h.Compensations = c.undo
				p := w.start(config.Config{Agent: "card", CompensationHandler: c.handler}, h)
				w.sleep(time.Second)
				assert.NoError(w, p.end())
				assert.Contains(w, p.logs.String(), "agent runs")
				assert.Contains(w, p.logs.String(), "agent stops")
			})
		})
	}
}

func TestRunEndsWithItsLog(t *testing.T) {
	t.Run("when it can't be made ready", func(t *testing.T) {
		log := eventtest.NewLog()
		log.Close()
		err := agent.Run(t.Context(), log, config.Config{Agent: "card", Saga: "trip"}, takes(0))
		assert.EqualError(t, err, `run agent "card": ensure saga type "trip": the log is closed`)
	})
	t.Run("when it dies", func(t *testing.T) {
		bubble(t, func(w *world) {
			p := w.start(seat, takes(0))
			w.sleep(time.Second)
			p.Kill()
			<-p.done
			assert.ErrorIs(w, p.err, eventtest.ErrDead)
			assert.ErrorContains(w, p.err, `run agent "seat": `)
		})
	})
	// One consumer alone is enough: an agent that is deaf on one ear would let
	// sagas stand still, and nobody would know.
	t.Run("when one consumer fails", func(t *testing.T) {
		bubble(t, func(w *world) {
			err := quiet.Run(w.Context(), deaf{w.log}, config.Config{Agent: "card", Saga: "trip"}, takes(0))
			assert.EqualError(w, err, `run agent "card": no such luck`)
		})
	})
	t.Run("in peace, when it is stopped before it begins", func(t *testing.T) {
		bubble(t, func(w *world) {
			ctx, cancel := context.WithCancel(w.Context())
			cancel()
			err := quiet.Run(ctx, w.log, config.Config{Agent: "card", Saga: "trip"}, takes(0))
			assert.ErrorIs(w, err, context.Canceled, "it never began")
		})
	})
}

var quiet = agent.Options{Logger: slog.New(slog.DiscardHandler)}

// deaf fails to hear of the latch.
type deaf struct{ events.Log }

func (d deaf) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	if c.Name == "_unwinding" {
		return errors.New("no such luck")
	}
	return d.Log.Consume(ctx, c, handle)
}

// What an agent listens to is part of the protocol: agents in other languages
// share two of these consumers.
func TestConsumers(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  config.Config
		want map[string][]string
	}{
		"the entry": {config.Config{Agent: "seat"}, map[string][]string{
			"seat_forward": {"saga.trip.seat.fallback-seat.*", "saga.trip.task.submitted.*"},
		}},
		"a follower": {config.Config{Agent: "stripe", Step: "charge", After: []string{"seat", "bus"}}, map[string][]string{
			"stripe_forward": {
				"saga.trip.charge.fallback-stripe.*",
				"saga.trip.seat.completed.*", "saga.trip.seat.skipped.*", "saga.trip.bus.completed.*", "saga.trip.bus.skipped.*",
			},
		}},
		"a stand-in": {config.Config{Agent: "adyen", Step: "charge", StandIn: true}, map[string][]string{
			"adyen_forward": {"saga.trip.charge.fallback-adyen.*"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				heard := &hearing{Log: w.log, of: make(chan events.Consumer, 10)}
				ctx, cancel := context.WithCancel(w.Context())
				c.cfg.Saga, c.cfg.Concurrency, c.cfg.Deadline, c.cfg.Lease = "trip", 7, time.Hour, 5*time.Second
				done := make(chan error, 1)
				go func() { done <- quiet.Run(ctx, heard, c.cfg, takes(0)) }()
				w.sleep(time.Second)
				cancel()
				require.NoError(w, <-done)
				close(heard.of)

				me, at := c.cfg.Agent, c.cfg.WithDefaults().Step
				c.want[me+"_compensate"] = []string{"saga.trip." + at + ".compensate-" + me + ".*"}
				for _, k := range strings.Split("123456789", "") {
					c.want[me+"_compensate"] = append(c.want[me+"_compensate"], "saga.trip."+at+".answered-"+k+".*")
				}
				for _, n := range strings.Split("123456789", "") {
					c.want[me+"_compensate"] = append(c.want[me+"_compensate"], "saga.trip."+at+".redo-"+n+"-"+me+".*")
				}
				c.want["trip_"+me] = []string{"timer.due.trip." + me + ".*.*"}
				c.want["_unwinding"] = []string{"saga.trip.saga.unwinding.*"}
				c.want["trip_"] = []string{"timer.due.trip.saga.*.*"}
				got := map[string][]string{}
				for k := range heard.of {
					got[k.Name] = k.Filters
					assert.Equal(w, strings.HasPrefix(k.Name, "trip_"), k.Timers)
					assert.Equal(w, 5*time.Second, k.Lease)
					assert.Equal(w, 7, k.Concurrency)
					if k.Name == me+"_forward" {
						assert.Equal(w, time.Hour, k.Reach, "no further back than a saga lives")
					} else {
						assert.Zero(w, k.Reach, "the way back has no end")
					}
				}
				assert.Equal(w, c.want, got)
			})
		})
	}
}

// hearing tells who consumes.
type hearing struct {
	events.Log
	of chan events.Consumer
}

func (h *hearing) Consume(ctx context.Context, c events.Consumer, handle func(context.Context, events.Delivery)) error {
	h.of <- c
	return h.Log.Consume(ctx, c, handle)
}

func TestRoleOf(t *testing.T) {
	c := config.Config{
		Agent: "stripe", Saga: "trip", Step: "charge", After: []string{"seat"}, Final: true,
		RetryPolicy: every(2), CompensationRetryPolicy: every(9), FallbackAgents: []string{"adyen"}, MaxTakeovers: 4,
	}
	assert.Equal(t, saga.Role{
		Type: "trip", Agent: "stripe", Step: "charge", After: []string{"seat"}, Final: true,
		Retry: every(2), UndoRetry: every(9), Fallbacks: []string{"adyen"}, MaxTakeovers: 4,
	}, agent.RoleOf(c))
	assert.True(t, agent.RoleOf(config.Config{StandIn: true}).StandIn)
}

func TestInstance(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start(seat, takes(0))
		w.submit("1", `{}`)
		w.sleep(time.Second)
		claim, _ := find[events.Claim](w, "1", "seat", "started")
		assert.Regexp(w, `^seat@[0-9a-f]{8}$`, claim.Instance)
		require.NoError(w, p.end())

		w.start(seat, takes(0), agent.Options{Instance: "seat-7f"})
		w.submit("2", `{}`)
		w.sleep(time.Second)
		claim, _ = find[events.Claim](w, "2", "seat", "started")
		assert.Equal(w, "seat-7f", claim.Instance)
	})
}
