// Package ordertest tries one agent of the family by itself, as package agent
// would call it but without a saga: the handler that its program makes, from its
// own agent.yaml, in the real world (package world), which all tests of a package
// share.
//
//	func TestMain(m *testing.M) { os.Exit(ordertest.Main(m)) }
//
//	desk := ordertest.Open(t, open, "agent.yaml")
//	task := desk.Task(world.Want("Ada", ...), results)
//	result, err := desk.Perform(task)
//	err = desk.Undo(task)
//	desk.Page(task)
//
// [Suite] is what every agent must pass that has something to undo.
package ordertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/order"
	"github.com/unwind-saga/unwind/services/order/bank"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
)

var shared *world.World

// Main opens the world, runs the tests and closes it.
func Main(m *testing.M) int {
	folder, err := os.MkdirTemp("", "unwind-ordertest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	say := func(text string) { fmt.Fprintln(os.Stderr, text) }
	if shared, err = world.Open(context.Background(), folder, world.Config{Say: say}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// World is the one that [Main] opened, with nothing set to fail: that ends with
// the test.
func World(t testing.TB) *world.World {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, shared.Bank.Fail(bank.Fault{})) })
	return shared
}

// A Desk is one agent at work.
type Desk struct {
	*world.World
	Config config.Config

	t       testing.TB
	handler agent.Handler
}

// Open sets up the agent whose folder the test runs in. The environment is the
// world's, and the variables given, as NAME=value, which win.
func Open(t testing.TB, open order.Opener, file string, env ...string) *Desk {
	t.Helper()
	d := &Desk{World: World(t), t: t}
	variables := map[string]string{}
	for _, line := range append(d.Env(), env...) {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	d.Config, err = config.Parse(file, text, func(name string) (string, bool) { value, ok := variables[name]; return value, ok })
	require.NoError(t, err)
	handler, closing, err := open(t.Context(), d.Config)
	require.NoError(t, err)
	if closing != nil {
		t.Cleanup(closing)
	}
	d.handler = handler
	return d
}

var orders atomic.Int64

// Task is what the agent is told of a new order: what is wanted, and the results of
// the steps before.
func (d *Desk) Task(p purchase.Purchase, results map[string]any) agent.Task {
	d.t.Helper()
	id := fmt.Sprintf("order-%d", orders.Add(1))
	t := agent.Task{
		Type: d.Config.Saga, ID: id, Step: d.Config.Step, Agent: d.Config.Agent, Attempt: 1,
		Key:     saga.Key(d.Config.Saga, id, d.Config.Step, d.Config.Agent),
		Payload: world.Task(p), Results: map[string]json.RawMessage{}, Left: d.Config.Timeout,
	}
	for step, result := range results {
		data, err := json.Marshal(result)
		require.NoError(d.t, err)
		t.Results[step] = data
	}
	return t
}

// Perform performs it within the agent's timeout, and returns the result as it
// would be written.
func (d *Desk) Perform(t agent.Task) (string, error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), d.Config.Timeout)
	defer cancel()
	result, err := d.handler.Perform(ctx, t)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(result.Data)
	require.NoError(d.t, err)
	return string(data), nil
}

// Undo undoes it, as one whose outcome is unknown: without a token.
func (d *Desk) Undo(t agent.Task) error {
	ctx, cancel := context.WithTimeout(d.t.Context(), d.Config.Timeout)
	defer cancel()
	return d.handler.Compensations[d.Config.CompensationHandler](ctx, agent.Undo{
		Type: t.Type, ID: t.ID, Step: t.Step, Agent: t.Agent, Attempt: t.Attempt,
		Key: saga.UndoKey(t.Type, t.ID, t.Step, t.Agent), Of: t.Key, Reason: events.ReasonFailed,
	})
}

// Page is what is there of the order.
func (d *Desk) Page(t agent.Task) world.Page {
	d.t.Helper()
	page, err := d.World.Page(d.t.Context(), t.ID)
	require.NoError(d.t, err)
	return page
}

// RequireFailed demands that an attempt failed so. An empty code is whatever.
func RequireFailed(t testing.TB, err error, class events.Class, code string, after time.Duration) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, class, agent.Class(err), "the class of: %v", err)
	var f agent.Failure
	if got, ok := errors.AsType[*agent.Failure](err); ok {
		f = *got
	}
	if code != "" {
		require.Equal(t, code, f.Code, "the code of: %v", err)
	}
	require.GreaterOrEqual(t, f.RetryAfter, after, "the wait after: %v", err)
}
