// Package kyctest puts one agent of the family to work without a broker and
// without a saga: the handler that its program makes, from its own agent.yaml,
// over a store of its own, in a small world (package world).
//
//	desk := kyctest.Open(t, kyctest.World(t), open, schema)
//	task := desk.Task("order-1", kyctest.Payload(t, world.Someone(0)), results)
//	result, err := desk.Perform(t.Context(), task)
//	err = desk.Undo(t.Context(), "order-1")
//
// [Suite] is what every agent of the family must pass, whatever it does: once
// for each key, undone for good, and never after it was undone.
package kyctest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/kyc"
	"github.com/unwind-saga/unwind/services/kyc/applicant"
	"github.com/unwind-saga/unwind/services/kyc/world"
	"github.com/unwind-saga/unwind/services/store"
)

// A Desk is one agent at work.
type Desk struct {
	World  *world.World
	Config config.Config
	Store  *store.Store

	t       testing.TB
	handler agent.Handler
	undo    func(context.Context, agent.Undo) error
}

// An Opener makes an agent's handler, as [kyc.Main] has it.
type Opener = func(kyc.Office) (agent.Handler, error)

// World opens a world for one test.
func World(t testing.TB) *world.World {
	t.Helper()
	w, err := world.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// Open sets up the agent whose folder the test runs in, see [Office].
func Open(t testing.TB, w *world.World, open Opener, schema string, env ...string) *Desk {
	t.Helper()
	office := Office(t, w, schema, env...)
	handler, err := open(office)
	require.NoError(t, err)
	undo := handler.Compensations[office.Config.CompensationHandler]
	require.NotNil(t, undo, "agent.yaml names the compensation %q, which the program does not have", office.Config.CompensationHandler)
	return &Desk{World: w, Config: office.Config, Store: office.Store, t: t, handler: handler, undo: undo}
}

// Office is what [kyc.Main] gives to the agent whose folder the test runs in:
// its agent.yaml, and a store where the world looks for effects. The environment
// is the world's, and the variables given, as NAME=value, which win.
func Office(t testing.TB, w *world.World, schema string, env ...string) kyc.Office {
	t.Helper()
	variables := map[string]string{}
	for _, line := range append(w.Env(), env...) {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	const file = "agent.yaml"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	cfg, err := config.Parse(file, text, func(name string) (string, bool) { value, ok := variables[name]; return value, ok })
	require.NoError(t, err)
	st, err := store.Open(kyc.StateFile(variables["KYC_STATE"], cfg.Agent), schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return kyc.Office{Config: cfg, Store: st}
}

// Key is the idempotency key of the agent's work on a saga.
func (d *Desk) Key(id string) string {
	return saga.Key(d.Config.Saga, id, d.Config.Step, d.Config.Agent)
}

// Task is what the agent is told of a saga: the applicant, and the results of
// the steps before, which pass through JSON as they do in life.
func (d *Desk) Task(id string, payload []byte, results map[string]any) agent.Task {
	d.t.Helper()
	t := agent.Task{
		Type: d.Config.Saga, ID: id, Step: d.Config.Step, Agent: d.Config.Agent, Attempt: 1, Key: d.Key(id),
		Payload: payload, Results: map[string]json.RawMessage{}, Left: d.Config.Timeout,
	}
	for step, result := range results {
		data, err := json.Marshal(result)
		require.NoError(d.t, err)
		t.Results[step] = data
	}
	return t
}

// Perform performs it, and returns the result as it would be written.
func (d *Desk) Perform(ctx context.Context, t agent.Task) (string, error) {
	d.t.Helper()
	result, err := d.handler.Perform(ctx, t)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(result.Data)
	require.NoError(d.t, err)
	return string(data), nil
}

// Undo undoes what the agent did in a saga.
func (d *Desk) Undo(ctx context.Context, id string) error {
	return d.undo(ctx, agent.Undo{
		Type: d.Config.Saga, ID: id, Step: d.Config.Step, Agent: d.Config.Agent, Attempt: 1,
		Key: saga.UndoKey(d.Config.Saga, id, d.Config.Step, d.Config.Agent), Of: d.Key(id), Reason: events.ReasonFailed,
	})
}

// There counts the effects of a saga, by where they are: the agent's own name
// for its store, "provider", "inbox". The provider must not have been told to
// fail.
func (d *Desk) There(id string) map[string]int {
	d.t.Helper()
	effects, err := d.World.Effects(context.WithoutCancel(d.t.Context()), id)
	require.NoError(d.t, err)
	there := map[string]int{}
	for _, e := range effects {
		there[e.Where]++
	}
	return there
}

// Rows counts the rows of one of the agent's own tables.
func (d *Desk) Rows(table string) (n int) {
	d.t.Helper()
	require.NoError(d.t, d.Store.DB().QueryRow(fmt.Sprintf("SELECT count(*) FROM %s", table)).Scan(&n))
	return n
}

// State is what the agent's store has of a saga.
func (d *Desk) State(id string) barrier.State {
	d.t.Helper()
	e, err := d.Store.Look(d.t.Context(), d.Key(id))
	require.NoError(d.t, err)
	return e.State
}

// A Failed is how an attempt is to fail.
type Failed struct {
	Class events.Class
	Code  string        // "": whatever
	After time.Duration // the least wait before the next try
	Says  string        // part of the text
}

// RequireFailed demands that an attempt failed so.
func RequireFailed(t testing.TB, err error, want Failed) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want.Class, agent.Class(err), "the class of: %v", err)
	var f agent.Failure
	if got, ok := errors.AsType[*agent.Failure](err); ok {
		f = *got
	}
	if want.Code != "" {
		require.Equal(t, want.Code, f.Code, "the code of: %v", err)
	}
	require.GreaterOrEqual(t, f.RetryAfter, want.After, "the wait after: %v", err)
	require.ErrorContains(t, err, want.Says)
}

// Payload is a person's application, after the changes.
func Payload(t testing.TB, p world.Person, changes ...func(*applicant.Applicant)) []byte {
	t.Helper()
	payload, err := p.Task()
	require.NoError(t, err)
	if len(changes) == 0 {
		return payload
	}
	a, err := applicant.Read(payload)
	require.NoError(t, err)
	for _, change := range changes {
		change(&a)
	}
	payload, err = json.Marshal(a)
	require.NoError(t, err)
	return payload
}
