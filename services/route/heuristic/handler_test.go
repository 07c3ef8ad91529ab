package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/route/routetest"
	"github.com/unwind-saga/unwind/services/route/trip"
)

func TestEstimate(t *testing.T) {
	d := routetest.Open(t, routetest.World(t), open, "")
	found, err := d.Directions("Vaduz", "Balzers")
	require.NoError(t, err)
	assert.Equal(t, "heuristic", found.By)
	assert.Equal(t, trip.Estimate, found.Quality)
	require.NotNil(t, found.Bounds)
	assert.Empty(t, found.Polyline, "it knows no way")
	// 9.4 km and 735 s by the map, 8.3 km as the crow flies.
	assert.InEpsilon(t, 11_064, found.Metres, 0.01)
	assert.InEpsilon(t, 8257, found.Bounds.Metres[0], 0.01)
	assert.InEpsilon(t, 15_523, found.Bounds.Metres[1], 0.01)
	assert.Less(t, found.Bounds.Seconds[0], 735)
	assert.Greater(t, found.Bounds.Seconds[1], 735)

	// It has no map, so it invents no road over the sea.
	_, err = d.Directions("Vaduz", "Reykjavik")
	routetest.RequireFailed(t, err, events.Unavailable, "elsewhere", 0, "not within an area")
	_, err = d.Perform(d.Task("bad", []byte(`{}`), nil))
	routetest.RequireFailed(t, err, events.Refused, "bad_order", 0, "order")
}
