// Package routetest puts one agent of the family to work without a broker and
// without a saga: the handler that its program makes, from its own agent.yaml,
// in a small world (package world).
//
//	desk := routetest.Open(t, routetest.World(t), open, schema)
//	result, err := desk.Perform(desk.Task("order-1", routetest.Order(t, "Vaduz", "Schaan"), nil))
//	err = desk.Undo("order-1")
package routetest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/route"
	"github.com/unwind-saga/unwind/services/route/trip"
	"github.com/unwind-saga/unwind/services/route/world"
	"github.com/unwind-saga/unwind/services/store"
)

// A Desk is one agent at work.
type Desk struct {
	World   *world.World
	Config  config.Config
	Handler agent.Handler

	t testing.TB
}

// An Opener makes an agent's handler, as [route.Main] has it.
type Opener = func(route.Office) (agent.Handler, error)

// World opens a world for one test.
func World(t testing.TB) *world.World {
	t.Helper()
	w, err := world.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// Open sets up the agent whose folder the test runs in. The environment is the
// world's, and the variables given, as NAME=value, which win. Without a schema
// it has no store.
func Open(t testing.TB, w *world.World, open Opener, schema string, env ...string) *Desk {
	t.Helper()
	office := Office(t, w, schema, env...)
	handler, err := open(office)
	require.NoError(t, err)
	return &Desk{World: w, Config: office.Config, Handler: handler, t: t}
}

// Office is what [route.Main] gives to the agent whose folder the test runs in.
func Office(t testing.TB, w *world.World, schema string, env ...string) route.Office {
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
	office := route.Office{Config: cfg}
	if schema != "" {
		office.Store, err = store.Open(route.StateFile(variables["ROUTE_STATE"], cfg.Agent), schema)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, office.Store.Close()) })
	}
	return office
}

// Order is an order that departs tomorrow at ten, and has an hour.
func Order(t testing.TB, from, to string) []byte {
	t.Helper()
	return OrderAt(t, from, to, time.Now().Truncate(24*time.Hour).Add(34*time.Hour), time.Hour)
}

// OrderAt is an order that departs then, and has so much time.
func OrderAt(t testing.TB, from, to string, depart time.Time, within time.Duration) []byte {
	t.Helper()
	order, err := world.Order(from, to, depart, within)
	require.NoError(t, err)
	return order
}

// Task is what the agent is told of a saga: the order, and the results of the
// steps before, which pass through JSON as they do in life.
func (d *Desk) Task(id string, order []byte, results map[string]any) agent.Task {
	d.t.Helper()
	t := agent.Task{
		Type: d.Config.Saga, ID: id, Step: d.Config.Step, Agent: d.Config.Agent, Attempt: 1,
		Key:     saga.Key(d.Config.Saga, id, d.Config.Step, d.Config.Agent),
		Payload: order, Results: map[string]json.RawMessage{}, Left: d.Config.Timeout,
	}
	for step, result := range results {
		data, err := json.Marshal(result)
		require.NoError(d.t, err)
		t.Results[step] = data
	}
	return t
}

// Perform performs it, and returns the result as it would be written, after the
// agent's result_schema has seen it.
func (d *Desk) Perform(t agent.Task) (string, error) {
	d.t.Helper()
	result, err := d.Handler.Perform(d.t.Context(), t)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(result.Data)
	require.NoError(d.t, err)
	require.NoError(d.t, d.Config.ResultSchema.Validate(data))
	return string(data), nil
}

// Directions performs a drive between two places.
func (d *Desk) Directions(from, to string) (trip.Directions, error) {
	d.t.Helper()
	result, err := d.Perform(d.Task("order-1", Order(d.t, from, to), nil))
	if err != nil {
		return trip.Directions{}, err
	}
	var found trip.Directions
	require.NoError(d.t, json.Unmarshal([]byte(result), &found))
	return found, nil
}

// Undo undoes what the agent did in a saga.
func (d *Desk) Undo(id string) error {
	undo := d.Handler.Compensations[d.Config.CompensationHandler]
	require.NotNil(d.t, undo, "agent.yaml names the compensation %q, which the program does not have", d.Config.CompensationHandler)
	return undo(d.t.Context(), agent.Undo{
		Type: d.Config.Saga, ID: id, Step: d.Config.Step, Agent: d.Config.Agent, Attempt: 1,
		Key:    saga.UndoKey(d.Config.Saga, id, d.Config.Step, d.Config.Agent),
		Of:     saga.Key(d.Config.Saga, id, d.Config.Step, d.Config.Agent),
		Reason: events.ReasonFailed,
	})
}

// There is what the world has of a saga.
func (d *Desk) There(id string) []string {
	d.t.Helper()
	effects, err := d.World.Effects(context.WithoutCancel(d.t.Context()), id)
	require.NoError(d.t, err)
	var list []string
	for _, e := range effects {
		list = append(list, e.Where+" "+e.Vehicle)
	}
	return list
}

// RequireFailed demands that an attempt failed so, and that its text says this
// and does not have the key in it.
func RequireFailed(t testing.TB, err error, class events.Class, code string, wait time.Duration, says string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, class, agent.Class(err), "the class of: %v", err)
	f, ok := errors.AsType[*agent.Failure](err)
	require.True(t, ok, "%v is no failure", err)
	require.Equal(t, code, f.Code, "the code of: %v", err)
	require.Equal(t, wait, f.RetryAfter, "the wait after: %v", err)
	require.ErrorContains(t, err, says)
	require.NotContains(t, err.Error(), "key=", "the key is nobody's business")
}
