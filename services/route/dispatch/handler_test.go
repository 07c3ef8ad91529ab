package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route/routetest"
	"github.com/unwind-saga/unwind/services/route/trip"
)

func results(d trip.Directions) map[string]any {
	return map[string]any{"directions": d, "vehicle": map[string]string{"vehicle": "van-7"}}
}

// How late a drive is promised to be there is a matter of how good the answer is.
func TestPromise(t *testing.T) {
	d := routetest.Open(t, routetest.World(t), open, schema)
	depart := time.Date(2030, 1, 1, 10, 0, 0, 0, time.UTC)
	for id, tc := range map[string]struct {
		directions trip.Directions
		within     time.Duration
		arrive     string // "": too late
	}{
		"traffic":     {trip.Directions{Seconds: 1000, By: "google", Quality: trip.Traffic}, time.Hour, "10:18:20"},
		"roads":       {trip.Directions{Seconds: 1000, By: "osrm", Quality: trip.Roads}, time.Hour, "10:21:40"},
		"person":      {trip.Directions{Seconds: 1000, By: "Ida", Quality: trip.Person}, time.Hour, "10:16:40"},
		"estimate":    {trip.Directions{Seconds: 1000, By: "heuristic", Quality: trip.Estimate, Bounds: &trip.Bounds{Seconds: [2]int{800, 1800}}}, time.Hour, "10:30:00"},
		"in-time":     {trip.Directions{Seconds: 1000, By: "google", Quality: trip.Traffic}, 20 * time.Minute, "10:18:20"},
		"late-roads":  {trip.Directions{Seconds: 1000, By: "osrm", Quality: trip.Roads}, 20 * time.Minute, ""},
		"late-by-one": {trip.Directions{Seconds: 1000, By: "google", Quality: trip.Traffic}, 1099 * time.Second, ""},
	} {
		order := routetest.OrderAt(t, "Vaduz", "Schaan", depart, tc.within)
		result, err := d.Perform(d.Task(id, order, results(tc.directions)))
		if tc.arrive == "" {
			routetest.RequireFailed(t, err, events.Refused, "too_late", 0, "is due at 2030-01-01T10:")
			assert.Empty(t, d.There(id), id)
			continue
		}
		require.NoError(t, err, id)
		assert.Contains(t, result, `"arrive":"2030-01-01T`+tc.arrive+`Z"`, id)
		assert.Contains(t, result, `"vehicle":"van-7"`)
		assert.Contains(t, result, string(tc.directions.Quality))
	}

	again, err := d.Perform(d.Task("roads", routetest.OrderAt(t, "Vaduz", "Schaan", depart, time.Hour), results(trip.Directions{Seconds: 1, Quality: trip.Roads})))
	require.NoError(t, err)
	assert.Contains(t, again, "10:21:40", "a duplicate gets the first promise")
	assert.Equal(t, []string{"dispatch van-7"}, d.There("roads"))
	require.NoError(t, d.Undo("roads"))
	assert.Empty(t, d.There("roads"))
	_, err = d.Perform(d.Task("roads", routetest.OrderAt(t, "Vaduz", "Schaan", depart, time.Hour), results(trip.Directions{Seconds: 1, Quality: trip.Roads})))
	require.ErrorIs(t, err, agent.ErrDead)
	require.ErrorIs(t, d.Undo("nobody"), agent.ErrNothingFound)
}
