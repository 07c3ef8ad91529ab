package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/ordertest"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
)

func TestMain(m *testing.M) { os.Exit(ordertest.Main(m)) }

func task(d *ordertest.Desk, change func(*purchase.Purchase)) agent.Task {
	p := world.Want("Ada", purchase.Line{SKU: "tea", Quantity: 2})
	if change != nil {
		change(&p)
	}
	return d.Task(p, map[string]any{
		"quote": purchase.Quote{Total: 1900, Currency: "eur", Words: "2 × Darjeeling, 19.00 EUR"},
		"stock": purchase.Reservation{Warehouse: "Berlin"},
	})
}

// It is one letter, however often it comes and whichever server it comes through.
func TestOneLetter(t *testing.T) {
	first, relay := ordertest.Open(t, open, "agent.yaml"), ordertest.Open(t, open, "relay.agent.yaml")
	order := task(first, nil)
	for range 2 {
		_, err := first.Perform(order)
		require.NoError(t, err)
	}
	order.Agent = relay.Config.Agent
	order.Key = saga.Key(order.Type, order.ID, order.Step, order.Agent)
	_, err := relay.Perform(order)
	require.NoError(t, err)
	letters := first.Page(order).Letters
	require.Len(t, letters, 1)
	for id, times := range letters {
		assert.Equal(t, 3, times, id)
	}
}

// What a server says: the money is taken, so nothing is a refusal.
func TestAnswers(t *testing.T) {
	d := ordertest.Open(t, open, "agent.yaml")
	for code, class := range map[int]events.Class{451: events.Transient, 550: events.Unavailable} {
		require.NoError(t, d.First.Refuse(t.Context(), code))
		order := task(d, nil)
		_, err := d.Perform(order)
		require.NoError(t, d.First.Refuse(t.Context(), 0))
		ordertest.RequireFailed(t, err, class, "", 0)
		assert.Empty(t, d.Page(order).Letters)
		_, err = d.Perform(order)
		require.NoError(t, err)
		assert.Len(t, d.Page(order).Letters, 1)
	}
}

func TestServerDown(t *testing.T) {
	d := ordertest.Open(t, open, "agent.yaml")
	d.First.Stop()
	order := task(d, nil)
	_, err := d.Perform(order)
	require.NoError(t, d.First.Start(t.Context()))
	ordertest.RequireFailed(t, err, events.Transient, "", 0)
	_, err = d.Perform(order)
	require.NoError(t, err)
	assert.Len(t, d.Page(order).Letters, 1)
}
