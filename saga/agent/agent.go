package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent/inject"
	"github.com/unwind-saga/unwind/saga/config"
)

// Options are what an agent may be told beside its configuration. The zero
// value works.
type Options struct {
	Logger   *slog.Logger   // default: slog.Default
	Version  string         // of the program, for people; default: what the linker knows
	Instance string         // unique to the process; default: the agent's name and eight random characters
	Grace    time.Duration  // how long work under way may go on when ctx is done; default 10 s
	Random   func() float64 // draws jitter from [0, 1); default: math/rand

	Observers []Observer // are told what the instance does; default: nobody is

	// For drills; never in production.
	Faults *inject.Injector // makes calls fail; default: as UNWIND_FAULTS says, so none
	Layers Layers           // of recovery; default: as UNWIND_LAYERS says, so all
}

// Run performs a step of the sagas of one type until ctx is done. It returns
// nil then, and an error when it cannot begin.
func Run(ctx context.Context, log events.Log, cfg config.Config, h Handler) error {
	return Options{}.Run(ctx, log, cfg, h)
}

// Run is [Run] with options.
func (o Options) Run(ctx context.Context, log events.Log, cfg config.Config, h Handler) error {
	r, err := o.runner(log, cfg, h)
	if err != nil {
		return fmt.Errorf("run agent %q: %w", cfg.Agent, err)
	}
	defer r.watched(o.Observers)()
	r.audience.phase(r.who(), Starting)
	defer r.audience.phase(r.who(), Ended)
	if err := log.Ensure(ctx, r.role.Type); err != nil {
		return fmt.Errorf("run agent %q: %w", cfg.Agent, err)
	}
	r.logger.With(r.drilled...).Info("agent runs", "instance", r.instance, "after", r.role.After, "final", r.role.Final)
	defer r.logger.Info("agent stops", "instance", r.instance)

	// What is under way when the listening ends may finish: its own context ends later.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	listening, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.rails.closing = listening.Done()
	defer context.AfterFunc(listening, func() { time.AfterFunc(r.grace, stop) })()
	var all sync.WaitGroup
	all.Go(func() { r.announce(listening) })
	purposes := r.purposes()
	var missing atomic.Int32
	missing.Store(int32(len(purposes)))
	for _, p := range purposes {
		p.consumer.There = func() {
			if missing.Add(-1) == 0 {
				r.audience.phase(r.who(), Listening)
			}
		}
		all.Go(func() {
			if err := log.Consume(listening, p.consumer, r.serve(working, p)); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("run agent %q: %w", cfg.Agent, err))
			}
		})
	}
	drained := make(chan struct{})
	undrained := context.AfterFunc(listening, func() { defer close(drained); r.audience.phase(r.who(), Draining) })
	all.Wait()
	if !undrained() {
		<-drained
	}
	if ctx.Err() == nil {
		return context.Cause(listening)
	}
	return nil
}

// A runner is one instance of an agent.
type runner struct {
	log      events.Log
	cfg      config.Config
	role     saga.Role
	handler  Handler
	undo     func(context.Context, Undo) error // nil: there is nothing to undo
	logger   *slog.Logger
	instance string
	version  string
	tally    *tally
	audience audience
	rails    *rails
	lease    time.Duration
	grace    time.Duration
	random   func() float64
	oneTry   bool  // in a drill: nobody is asked to come back
	drilled  []any // what is said of faults and layers; nil outside of drills
}

func (o Options) runner(log events.Log, cfg config.Config, h Handler) (*runner, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if h.Perform == nil {
		return nil, errors.New("the handler has no Perform")
	}
	undo, err := h.compensation(cfg.CompensationHandler)
	if err != nil {
		return nil, err
	}
	r := &runner{
		log: log, cfg: cfg, handler: h, undo: undo,
		role:     RoleOf(cfg),
		instance: cmp.Or(o.Instance, cfg.Agent+"@"+uuid.NewString()[:8]),
		lease:    cfg.Lease,
		grace:    cmp.Or(o.Grace, 10*time.Second),
		version:  versionOf(o),
		tally:    new(tally),
		random:   o.Random,
	}
	if r.random == nil {
		r.random = rand.Float64
	}
	r.logger = cmp.Or(o.Logger, slog.Default()).With("type", cfg.Saga, "step", cfg.Step, "agent", cfg.Agent)
	r.audience = audience{r.tally.observer()}
	r.rails = r.newRails()
	return r, r.drill(o)
}

// watched lets observers hear of this instance, until it ends.
func (r *runner) watched(observers []Observer) (end func()) {
	var ends []func()
	for _, o := range observers {
		safe, end := chaperoned(o, 64+8*r.cfg.Concurrency, r.logger)
		r.audience, ends = append(r.audience, safe), append(ends, end)
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

func (r *runner) who() Who { return Who{r.role.Type, r.role.Step, r.role.Agent, r.instance} }

// RoleOf reads an agent's place in a saga from its configuration.
func RoleOf(cfg config.Config) saga.Role {
	return saga.Role{
		Type: cfg.Saga, Agent: cfg.Agent, Step: cfg.Step, After: cfg.After,
		StandIn: cfg.StandIn, Final: cfg.Final, Pivot: cfg.Pivot, NeverRefuses: cfg.NeverRefuses,
		Retry: cfg.RetryPolicy, UndoRetry: cfg.CompensationRetryPolicy,
		Fallbacks: cfg.FallbackAgents, MaxTakeovers: cfg.MaxTakeovers,
	}
}

// compensation finds the function that the configuration names. A program that
// can undo and a configuration that does not say so would leave things behind
// in silence, so that is refused.
func (h Handler) compensation(name string) (func(context.Context, Undo) error, error) {
	known := strings.Join(slices.Sorted(maps.Keys(h.Compensations)), ", ")
	switch {
	case name == config.NoCompensation:
		return nil, nil
	case name == "" && len(h.Compensations) == 0:
		return nil, nil
	case name == "":
		return nil, fmt.Errorf("no compensation_handler is configured, but the program can undo (hint: one of %s, or %s)", known, config.NoCompensation)
	case h.Compensations[name] == nil:
		return nil, fmt.Errorf("compensation_handler %q is not registered by the program (hint: it registers %s)", name, cmp.Or(known, "none"))
	}
	return h.Compensations[name], nil
}

// A purpose is one consumer of an agent and the work behind it.
type purpose struct {
	is       events.Purpose
	consumer events.Consumer
	work     func(context.Context, events.Delivery) error
}

// purposes lists what an agent listens to: three of its own, and two that all
// agents of the type share, so that whichever is alive turns a saga whose
// deadline passed and keeps one unwinding that turned.
func (r *runner) purposes() []purpose {
	base := events.Consumer{Type: r.role.Type, Lease: r.lease, Concurrency: r.cfg.Concurrency}
	typ, agent := r.role.Type, r.role.Agent
	of := func(is events.Purpose, timers bool, filters []string, work func(context.Context, events.Delivery) error) purpose {
		c := base
		c.Name, c.Timers, c.Filters = events.ConsumerName(is, typ, agent), timers, filters
		return purpose{is, c, work}
	}
	forward := of(events.ForForward, false, r.forwardFilters(), r.onForward)
	// Nobody begins what is over by its deadline. The way back has none: who
	// dies before all its consumers exist, and comes back much later, still
	// finds what it owes.
	forward.consumer.Reach = r.cfg.Deadline
	return []purpose{
		forward,
		of(events.ForCompensate, false, r.undoFilters(), r.onUndo),
		of(events.ForTimers, true, []string{events.TimersOf(typ, agent)}, r.onTimer),
		of(events.ForLatch, false, []string{events.LatchSubject(typ, "*").String()}, r.onTurn),
		of(events.ForClock, true, []string{events.TimersOf(typ, events.Everyone)}, r.onClock),
	}
}

func (r *runner) subject(k events.Kind, step, agent string, n int) string {
	return events.Subject{Type: r.role.Type, Step: step, Kind: k, Agent: agent, N: n}.Filter()
}

func (r *runner) forwardFilters() []string {
	filters := []string{r.subject(events.Fallback, r.role.Step, r.role.Agent, 0)}
	if r.role.StandIn {
		return filters
	}
	if len(r.role.After) == 0 {
		filters = append(filters, r.subject(events.Submitted, "", "", 0))
	}
	for _, step := range r.role.After {
		filters = append(filters, r.subject(events.Completed, step, "", 0), r.subject(events.Skipped, step, "", 0))
	}
	return filters
}

func (r *runner) undoFilters() []string {
	filters := []string{r.subject(events.Compensate, r.role.Step, r.role.Agent, 0)}
	for k := range events.MaxAnswer {
		filters = append(filters, r.subject(events.Answered, r.role.Step, "", k+1))
	}
	for n := range events.MaxRedo {
		filters = append(filters, r.subject(events.Redo, r.role.Step, r.role.Agent, n+1))
	}
	return filters
}
