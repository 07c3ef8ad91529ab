package main

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/ordertest"
	"github.com/unwind-saga/unwind/services/order/purchase"
	"github.com/unwind-saga/unwind/services/order/world"
)

func TestMain(m *testing.M) { os.Exit(ordertest.Main(m)) }

func TestBarrier(t *testing.T) {
	d := ordertest.Open(t, open, "agent.yaml")
	ordertest.Suite(t, d,
		func() agent.Task {
			return d.Task(world.Want("Ada", purchase.Line{SKU: "tea", Quantity: 2}, purchase.Line{SKU: "cup", Quantity: 3}), nil)
		},
		func(p world.Page) bool { return p.Reserved["Berlin"]["tea"] == 2 && p.Reserved["Berlin"]["cup"] == 3 })
	require.NoError(t, d.Audit(t.Context()))
}

// A warehouse that has too little of one thing reserves nothing of any, and is not
// asked again: another one may be.
func TestShort(t *testing.T) {
	d := ordertest.Open(t, open, "agent.yaml")
	for name, lines := range map[string][]purchase.Line{
		"sold out":        {{SKU: "cup", Quantity: 1}, {SKU: "kettle", Quantity: 1}},
		"never heard of":  {{SKU: "cup", Quantity: 1}, {SKU: "unicorn", Quantity: 1}},
		"more than there": {{SKU: "cup", Quantity: 1}, {SKU: "teapot", Quantity: 1_000_000}},
	} {
		t.Run(name, func(t *testing.T) {
			task := d.Task(world.Want("Ada", lines...), nil)
			_, err := d.Perform(task)
			ordertest.RequireFailed(t, err, events.Unavailable, "out_of_stock", 0)
			assert.True(t, d.Page(task).Nothing(), "%s", d.Page(task))
			// What failed has left no trace: there may be more tomorrow.
			require.ErrorIs(t, d.Undo(task), agent.ErrNothingFound)
		})
	}
}

// The stand-in is the same program, in front of the other warehouse.
func TestSecondWarehouse(t *testing.T) {
	d := ordertest.Open(t, open, "second.agent.yaml")
	task := d.Task(world.Want("Ada", purchase.Line{SKU: "kettle", Quantity: 1}), nil)
	result, err := d.Perform(task)
	require.NoError(t, err)
	assert.JSONEq(t, `{"warehouse":"Leipzig"}`, result)
	assert.EqualValues(t, 1, d.Page(task).Reserved["Leipzig"]["kettle"])
	require.NoError(t, d.Undo(task))
	assert.True(t, d.Page(task).Nothing())
}

// Forty customers want two of the last ten pieces each, in either order of the
// lines: five get them, and nothing is sold that is not there.
func TestNeverOversold(t *testing.T) {
	d := ordertest.Open(t, open, "second.agent.yaml")
	var all sync.WaitGroup
	var served atomic.Int64
	for n := range 40 {
		lines := []purchase.Line{{SKU: "teapot", Quantity: 2}, {SKU: "cup", Quantity: 1}}
		if n%2 == 0 {
			lines[0], lines[1] = lines[1], lines[0]
		}
		task := d.Task(world.Want("Ada", lines...), nil)
		all.Go(func() {
			if _, err := d.Perform(task); err == nil {
				served.Add(1)
			} else {
				ordertest.RequireFailed(t, err, events.Unavailable, "out_of_stock", 0)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 5, served.Load())
	require.NoError(t, d.Audit(t.Context()))
}

// A database that is not there was not asked: nothing can be left in it.
func TestNoDatabase(t *testing.T) {
	d := ordertest.Open(t, open, "agent.yaml")
	task := d.Task(world.Want("Ada", purchase.Line{SKU: "tea", Quantity: 1}), nil)
	back := d.Lock(t.Context(), 0)
	_, err := d.Perform(task)
	require.NoError(t, back())
	ordertest.RequireFailed(t, err, events.Transient, "", 0)
	_, err = d.Perform(task)
	require.NoError(t, err)
}
