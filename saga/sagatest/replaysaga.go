package sagatest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/casefile"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/saga/replay"
	"github.com/unwind-saga/unwind/saga/when"
)

// ReplaySaga plays a whole saga of a case again, on a log in memory and in virtual
// time: the handler is at its agent's place, and every other agent that took part
// says what it said then. It returns how the saga stands when nothing happens any
// more, and its history. Invariants that are broken fail the test; what else must
// hold of it is for the caller to say:
//
//	s, _ := sagatest.ReplaySaga(t, "testdata/order-1.json", cfg, handler)
//	if s.Status() != saga.Completed { ... }
//
// An agent that was never called is in no record, so a saga that comes further now
// than it came then stands at its step. What persons and other outsiders answered to
// a step that waited is said again; that somebody cancelled the saga is not.
func ReplaySaga(t *testing.T, file string, cfg config.Config, h agent.Handler) (*saga.State, []events.Event) {
	t.Helper()
	c, err := casefile.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	was, err := c.State()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	cast, err := recordedCast(t.Context(), c, was, cfg)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	cast = append(cast, member{cfg, h})
	var history []events.Event
	synctest.Test(t, func(t *testing.T) {
		history, err = perform(t, cast, was)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	})
	state, err := saga.Fold(history)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if err := Check(history, false); err != nil {
		t.Errorf("%s: %v\n%s", file, err, Transcript(history))
	}
	return state, history
}

// A member of a cast is an agent and its handler.
type member struct {
	config.Config
	agent.Handler
}

// recordedCast is everybody who was called in a saga, but for one agent.
func recordedCast(ctx context.Context, c *casefile.Case, s *saga.State, but config.Config) (cast []member, err error) {
	ended := s.Ended() && s.End.Forward
	followed := func(step string) bool {
		return slices.ContainsFunc(s.Steps, func(st *saga.Step) bool { return slices.Contains(st.After, step) })
	}
	for _, st := range s.Steps {
		for i, name := range agentsOf(st) {
			if name == but.Agent {
				continue
			}
			cfg := config.Config{
				Agent: name, Saga: s.Type, Step: st.Name, After: st.After, StandIn: i > 0,
				Final: ended && !followed(st.Name) && !but.Final, Pivot: s.Committed != nil && s.Committed.Step == st.Name,
				Timeout: time.Hour, CompensationHandler: "recorded", MaxTakeovers: 100,
			}
			if st.Name == cmp.Or(but.Step, but.Agent) {
				cfg.Final, cfg.Pivot = but.Final, but.Pivot
			}
			if cfg.StandIn {
				cfg.After = nil
			} else {
				cfg.FallbackAgents = agentsOf(st)[1:]
				if st.Done != nil && st.Done.Skipped {
					if cfg.When, err = when.Compile("false"); err != nil {
						return nil, err
					}
				}
			}
			if !s.Deadline.IsZero() {
				cfg.Deadline = s.Deadline.Sub(s.Task.Time)
				cfg.Timeout = min(cfg.Timeout, cfg.Deadline)
			}
			tries := config.RetryPolicy{MaxRetries: len(st.Attempts), BaseDelay: time.Second, MaxDelay: time.Minute, Multiplier: 2}
			cfg.RetryPolicy = tries.Exactly()
			if u := st.Undo(name); u != nil {
				tries.MaxRetries = len(u.Failures)
			}
			cfg.CompensationRetryPolicy = tries.Exactly()
			h, err := recordedHandler(ctx, c, name)
			if err != nil && !errors.Is(err, replay.ErrNotCalled) {
				return nil, err
			}
			cast = append(cast, member{cfg, h})
		}
	}
	return cast, nil
}

// agentsOf lists the agents of a step, in the order in which they had it.
func agentsOf(st *saga.Step) (names []string) {
	for _, a := range st.Attempts {
		if !slices.Contains(names, a.Claim.Agent) {
			names = append(names, a.Claim.Agent)
		}
	}
	return names
}

// recordedHandler says what an agent said then, call by call; asked more often, it
// says the last again.
func recordedHandler(ctx context.Context, c *casefile.Case, name string) (agent.Handler, error) {
	history, err := c.History()
	if err != nil {
		return agent.Handler{}, err
	}
	calls, err := replay.Calls(ctx, history, name, c)
	if errors.Is(err, replay.ErrNotCalled) {
		calls = nil // its results are another saga's
	} else if err != nil {
		return agent.Handler{}, err
	}
	var mu sync.Mutex
	var tasks, undos []replay.Was
	for _, call := range calls {
		switch {
		case !call.Was.Known():
		case call.Task != nil:
			tasks = append(tasks, call.Was)
		default:
			undos = append(undos, call.Was)
		}
	}
	next := func(list *[]replay.Was) (w replay.Was) {
		mu.Lock()
		defer mu.Unlock()
		if len(*list) > 0 {
			w = (*list)[0]
		}
		if len(*list) > 1 {
			*list = (*list)[1:]
		}
		return w
	}
	return agent.Handler{
		Perform:       func(context.Context, agent.Task) (agent.Result, error) { return said(next(&tasks).Outcome) },
		Compensations: agent.Compensations{"recorded": func(context.Context, agent.Undo) error { return undone(next(&undos)) }},
	}, nil
}

// said is what a handler returns for an outcome to come of it.
func said(o agent.Outcome) (agent.Result, error) {
	raw := func(text json.RawMessage) any {
		if text == nil {
			return nil
		}
		return text
	}
	switch {
	case o.Failed != nil:
		return agent.Result{}, &agent.Failure{Class: o.Failed.Class, Code: o.Failed.Error.Code, Err: errors.New(cmp.Or(o.Failed.Error.Message, "it failed"))}
	case o.Pending != nil:
		w := o.Pending
		return agent.Result{Undo: raw(w.Undo), Pending: &agent.Pending{For: w.WaitsFor, Person: w.Person, Question: w.Question, Within: time.Duration(w.Within)}}, nil
	case o.Done != nil:
		return agent.Result{Data: raw(o.Done.Result), Undo: raw(o.Done.Undo)}, nil
	default:
		return agent.Result{}, agent.Unavailable("not_recorded", errors.New("what it said then is not in the record"))
	}
}

func undone(w replay.Was) error {
	switch {
	case w.Failed != nil:
		return errors.New(cmp.Or(w.Failed.Message, "it was not undone"))
	case w.Found == events.FoundNothing:
		return agent.ErrNothingFound
	default:
		return nil
	}
}

// quiet is how long nothing must have happened for a saga to be left where it stands.
const quiet = time.Hour

// perform runs a cast until the saga has ended, or stands.
func perform(t *testing.T, cast []member, was *saga.State) ([]events.Event, error) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(ctx, was.Type); err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	var all sync.WaitGroup
	var mu sync.Mutex
	var broken error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		broken = cmp.Or(broken, err)
	}
	for _, m := range cast {
		all.Go(func() {
			options := agent.Options{Logger: logger, Instance: m.Agent + "#1", Grace: time.Millisecond, Random: func() float64 { return 0 }}
			if err := options.Run(ctx, log, m.Config, m.Handler); err != nil {
				fail(err)
			}
		})
	}
	all.Go(func() { fail(answerAgain(ctx, log, was)) })
	defer all.Wait()
	defer cancel()
	synctest.Wait()
	task := *was.Task
	task.Seq, task.Time = 0, time.Time{}
	if _, err := log.Append(ctx, task); err != nil {
		return nil, err
	}
	for idle := time.Duration(0); ; {
		time.Sleep(time.Minute)
		history, err := log.History(ctx, was.Type, was.ID, 0)
		if err != nil {
			return nil, err
		}
		last := history[len(history)-1]
		if idle = time.Since(last.Time); idle > quiet || last.Subject.Kind == events.SagaCompleted || last.Subject.Kind == events.SagaCompensated {
			mu.Lock()
			defer mu.Unlock()
			return history, broken
		}
	}
}

// answerAgain says what was said from outside of the steps that waited, as soon as
// they wait again.
func answerAgain(ctx context.Context, log events.Log, was *saga.State) error {
	given := map[string]int{}
	return log.Follow(ctx, was.Type, was.ID, 0, func(e events.Event) error {
		st := was.Step(e.Subject.Step)
		if e.Subject.Kind != events.Pending || st == nil {
			return nil
		}
		for k := given[st.Name]; k < len(st.Answers); k++ {
			given[st.Name]++
			a := st.Answers[k].Answer
			if a.Outcome == events.OutcomeExpired {
				continue
			}
			a.Attempt = e.Subject.N
			at := events.Subject{Type: was.Type, Step: st.Name, Kind: events.Answered, N: k + 1, ID: was.ID}
			said, err := events.New(at, cmp.Or(a.By, "somebody outside"), e, a)
			if err != nil {
				return err
			}
			if _, err := log.Append(ctx, said); err != nil && !errors.Is(err, events.ErrTaken) {
				return err
			}
			return nil
		}
		return nil
	})
}
