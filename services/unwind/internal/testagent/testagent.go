// Package testagent is an agent for tests of the tool. It has no business of its
// own: what it does is told by the settings in its agent.yaml.
//
//	settings:
//	  takes: 50ms             # each attempt
//	  fail: 2                 # the first attempts of each saga fail
//	  refuse: the card is declined # then every task is refused
//	  undo_fails_while: down  # a file beside agent.yaml: undoing fails while it is there
//	  wait_for: go            # an attempt waits until this file is there
//	  bytes: 5000000          # its result is so large
//	  unavailable_while: down # likewise: an attempt can't
//	  callback: url           # its outcome comes from outside: where to is written to this file
//	  leaves: ../there        # each saga leaves <saga>.<agent> in this folder, until it is undone
package testagent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/callback"
	"github.com/unwind-saga/unwind/saga/config"
)

type settings struct {
	Takes          time.Duration `yaml:"takes"`
	Fail           int           `yaml:"fail"`
	Refuse         string        `yaml:"refuse"`
	UndoFailsWhile string        `yaml:"undo_fails_while"`
	WaitFor        string        `yaml:"wait_for"`
	Bytes          int           `yaml:"bytes"`
	Unavailable    string        `yaml:"unavailable_while"`
	Callback       string        `yaml:"callback"`
	Leaves         string        `yaml:"leaves"`
}

// Main is the program: its only argument is the path of its agent.yaml.
func Main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := connectAndRun(ctx, os.Args[len(os.Args)-1])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connectAndRun(ctx context.Context, file string) error {
	log, err := broker.Connect(ctx, broker.Config{})
	if err != nil {
		return err
	}
	defer log.Close()
	return Run(ctx, log, file, slog.Default())
}

// Run runs the agent of a file on a log.
func Run(ctx context.Context, log events.Log, file string, logger *slog.Logger) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	var s settings
	if err := cfg.Settings(&s); err != nil {
		return err
	}
	folder := filepath.Dir(file)
	h := agent.Handler{Perform: func(ctx context.Context, t agent.Task) (agent.Result, error) {
		return s.perform(ctx, t, folder)
	}}
	if cfg.CompensationHandler != config.NoCompensation {
		h.Compensations = agent.Compensations{"undo": func(_ context.Context, u agent.Undo) error {
			if s.UndoFailsWhile != "" && there(folder, s.UndoFailsWhile) {
				return errors.New("it can't be undone now")
			}
			return s.remove(u)
		}}
	}
	return agent.Options{Logger: logger, Grace: 100 * time.Millisecond}.Run(ctx, log, cfg, h)
}

func (s settings) perform(ctx context.Context, t agent.Task, folder string) (agent.Result, error) {
	if err := sleep(ctx, s.Takes); err != nil {
		return agent.Result{}, err
	}
	for s.WaitFor != "" && !there(folder, s.WaitFor) {
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return agent.Result{}, err
		}
	}
	switch {
	case t.Attempt <= s.Fail:
		return agent.Result{}, fmt.Errorf("provider answered 503")
	case s.Unavailable != "" && there(folder, s.Unavailable):
		return agent.Result{}, agent.Unavailable("down", errors.New("the provider is down for today"))
	case s.Callback != "":
		return s.accept(t, folder)
	case s.Refuse != "":
		return agent.Result{}, agent.Refuse("refused", "%s", s.Refuse)
	}
	result := map[string]string{"by": t.Agent}
	if s.Bytes > 0 {
		result["scan"] = strings.Repeat("x", s.Bytes)
	}
	return agent.Result{Data: result}, s.leave(t)
}

// leave leaves a file, the same for every attempt.
func (s settings) leave(t agent.Task) error {
	if s.Leaves == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(s.Leaves, t.ID+"."+t.Agent), nil, 0o600)
}

func (s settings) remove(u agent.Undo) error {
	if s.Leaves == "" {
		return nil
	}
	err := os.Remove(filepath.Join(s.Leaves, u.ID+"."+u.Agent))
	if errors.Is(err, os.ErrNotExist) {
		return agent.ErrNothingFound
	}
	return err
}

// accept leaves the outcome to whoever has the URL.
func (s settings) accept(t agent.Task, folder string) (agent.Result, error) {
	desk, err := callback.FromEnv()
	if err != nil {
		return agent.Result{}, err
	}
	url := desk.URL(t.Type, t.ID, t.Step, t.Attempt)
	if err := os.WriteFile(filepath.Join(folder, s.Callback), []byte(url), 0o600); err != nil {
		return agent.Result{}, err
	}
	return agent.Result{Pending: &agent.Pending{For: "the scanner's callback"}}, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func there(folder, file string) bool {
	_, err := os.Stat(filepath.Join(folder, file))
	return err == nil
}
