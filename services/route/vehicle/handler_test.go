package main

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route/routetest"
)

func desk(t *testing.T, env ...string) *routetest.Desk {
	return routetest.Open(t, routetest.World(t), open, schema, env...)
}

// A vehicle is reserved once for each key, freed for good, and never reserved
// after it was freed.
func TestReserve(t *testing.T) {
	d := desk(t, "ROUTE_FLEET=1")
	task := d.Task("order-1", routetest.Order(t, "Vaduz", "Schaan"), nil)
	first, err := d.Perform(task)
	require.NoError(t, err)
	assert.Contains(t, first, `"vehicle":"van-1"`)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			again, err := d.Perform(task)
			assert.NoError(t, err)
			assert.Equal(t, first, again)
		})
	}
	all.Wait()
	assert.Equal(t, []string{"vehicle van-1"}, d.There("order-1"))

	other := d.Task("order-2", task.Payload, nil)
	_, err = d.Perform(other)
	routetest.RequireFailed(t, err, events.Refused, "no_vehicle", 0, "all 1 vehicles are taken")
	later := d.Task("order-3", routetest.OrderAt(t, "Vaduz", "Schaan", time.Now().Truncate(24*time.Hour).Add(35*time.Hour), time.Hour), nil)
	_, err = d.Perform(later)
	require.NoError(t, err, "it is free again when the first is due")

	require.NoError(t, d.Undo("order-1"))
	require.NoError(t, d.Undo("order-1"), "once more")
	assert.Empty(t, d.There("order-1"))
	_, err = d.Perform(task)
	require.ErrorIs(t, err, agent.ErrDead)
	_, err = d.Perform(other)
	require.NoError(t, err, "another has the vehicle now")
	require.ErrorIs(t, d.Undo("order-4"), agent.ErrNothingFound)
	_, err = d.Perform(d.Task("order-4", task.Payload, nil))
	require.ErrorIs(t, err, agent.ErrDead, "undone before it was done")
	assert.Equal(t, []string{"vehicle van-1"}, d.There("order-2"))
}

// Of many that want the same time no two get the same vehicle.
func TestRace(t *testing.T) {
	d := desk(t, "ROUTE_FLEET=4")
	order := routetest.Order(t, "Vaduz", "Schaan")
	var all sync.WaitGroup
	var mu sync.Mutex
	got, refused := map[string]int{}, 0
	for i := range 10 {
		all.Go(func() {
			result, err := d.Perform(d.Task("order-"+string(rune('a'+i)), order, nil))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused++
				return
			}
			got[result]++
		})
	}
	all.Wait()
	assert.Equal(t, 6, refused)
	assert.Len(t, got, 4, "%v", got)
}

func TestBadOrders(t *testing.T) {
	d := desk(t)
	for _, order := range []string{`{`, `{}`, `{"from": {"lat": 47.1, "lon": 9.5}, "to": {"lat": 0, "lon": 0}, "depart": "2030-01-01T10:00:00Z", "due": "2030-01-01T11:00:00Z"}`} {
		_, err := d.Perform(d.Task("bad", []byte(order), nil))
		routetest.RequireFailed(t, err, events.Refused, "bad_order", 0, "order")
	}
	assert.Empty(t, d.There("bad"))
	_, err := open(routetest.Office(t, routetest.World(t), schema, "ROUTE_FLEET=0"))
	require.ErrorContains(t, err, "a fleet of 0")
}
