package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
)

// Ask is the compensation handler that asks a person.
const Ask = "ask"

type settings struct {
	Question string        `yaml:"question"`
	WaitsFor string        `yaml:"waits_for"`
	Within   time.Duration `yaml:"within"`
	Undo     string        `yaml:"undo"`
}

// An Operator is an agent whose work is done by a person.
type Operator struct {
	Config config.Config

	question question
	settings settings
}

// Load reads an operator's file. What is wrong with it is [config.Mistakes].
func Load(file string) (*Operator, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	return New(cfg)
}

// New makes an operator of a configuration.
func New(cfg config.Config) (*Operator, error) {
	o := &Operator{Config: cfg}
	if err := cfg.Settings(&o.settings); err != nil {
		return nil, err
	}
	mistake := func(path, format string, args ...any) error {
		return config.Mistakes{{Place: cfg.At(path), Path: path, Text: fmt.Sprintf(format, args...)}}
	}
	if o.settings.Within < 0 {
		return nil, mistake("settings.within", "must not be negative, is %s", o.settings.Within)
	}
	switch handler := cfg.CompensationHandler; {
	case handler != Ask && handler != config.NoCompensation:
		return nil, mistake("compensation_handler", "must be %s or %s: either nothing of a person's is to be undone, or a person is asked", config.NoCompensation, Ask)
	case handler == Ask && o.settings.Undo == "":
		return nil, mistake("settings.undo", "is missing: what must the person do who undoes it?")
	case handler != Ask && o.settings.Undo != "":
		return nil, mistake("settings.undo", "is for the compensation_handler %s", Ask)
	}
	var err error
	if o.question, err = ask(o.settings.Question); err != nil {
		return nil, mistake("settings.question", "%v", err)
	}
	// Whether it was undone by hand, a second try does not know better.
	o.Config.CompensationRetryPolicy.MaxRetries = 0
	return o, nil
}

// Run is the operators' work until ctx is done: each asks what its saga asks of
// it. An instance that the options name is one operator's.
func Run(ctx context.Context, log events.Log, options agent.Options, operators ...*Operator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	errs := make([]error, len(operators))
	for i, o := range operators {
		running.Go(func() {
			errs[i] = options.Run(ctx, log, o.Config, o.handler(log))
			if errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (o *Operator) handler(log events.Reader) agent.Handler {
	h := agent.Handler{Perform: o.perform}
	if o.Config.CompensationHandler == Ask {
		h.Compensations = agent.Compensations{Ask: func(ctx context.Context, u agent.Undo) error { return o.undo(ctx, log, u) }}
	}
	return h
}

func (o *Operator) perform(_ context.Context, t agent.Task) (agent.Result, error) {
	return agent.Result{Pending: &agent.Pending{
		For: cmp.Or(o.settings.WaitsFor, "a person's answer"), Person: true, Question: o.question.put(t), Within: o.settings.Within,
	}}, nil
}

// undo says that a person must, if a person had said that something was done.
func (o *Operator) undo(ctx context.Context, log events.Reader, u agent.Undo) error {
	s, err := read(ctx, log, u)
	if err != nil {
		return err
	}
	answer := done(s.Step(u.Step), u.Agent)
	if answer == nil {
		return agent.ErrNothingFound
	}
	text := fmt.Sprintf("a person must undo by hand what %s did: %s", cmp.Or(answer.By, "somebody"), o.settings.Undo)
	if len(answer.Data) > 0 {
		text += fmt.Sprintf(" (the answer was %s)", answer.Data)
	}
	return agent.Unavailable("by_hand", errors.New(text))
}

// read reads the saga, where it turned with its turn: what stands before that is
// there too then. A reader may be behind.
func read(ctx context.Context, log events.Reader, u agent.Undo) (*saga.State, error) {
	for {
		history, err := log.History(ctx, u.Type, u.ID, 0)
		if err != nil {
			return nil, fmt.Errorf("find what a person did: %w", err)
		}
		s, err := saga.Fold(history)
		if err != nil {
			return nil, fmt.Errorf("find what a person did: %w", err)
		}
		if s.Step(u.Step) != nil && (s.Turned() || u.Reason == "") {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("find what a person did: the history does not show yet that the saga turned: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// done finds the last answer that says that an agent's attempt was done.
func done(st *saga.Step, agent string) *saga.Answer {
	for _, a := range slices.Backward(st.Answers) {
		if a.Outcome == events.OutcomeCompleted && a.Attempt <= len(st.Attempts) && st.Attempts[a.Attempt-1].Claim.Agent == agent {
			return &a
		}
	}
	return nil
}
