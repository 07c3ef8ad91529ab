package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/routetest"
	"github.com/unwind-saga/unwind/services/route/trip"
)

// desk has patience with a machine that has much to do.
func desk(t *testing.T, env ...string) *routetest.Desk {
	return routetest.Open(t, routetest.World(t), open, "", append([]string{"ROUTE_PATIENCE=1m"}, env...)...)
}

func TestDirections(t *testing.T) {
	found, err := desk(t).Directions("Vaduz", "Balzers")
	require.NoError(t, err)
	assert.Equal(t, "osrm", found.By)
	assert.Equal(t, trip.Roads, found.Quality)
	assert.InEpsilon(t, 9400, found.Metres, 0.05)
	assert.InEpsilon(t, 735, found.Seconds, 0.05)
	assert.NotEmpty(t, found.Polyline)
	assert.Equal(t, "© OpenStreetMap contributors", found.Attribution)
}

// Each way in which the server fails is a class, by which something else
// follows, and has a name.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		fault providers.Fault
		class events.Class
		code  string
		wait  time.Duration
		says  string
	}{
		{providers.Fault{Mode: providers.Expired}, events.Unavailable, "http_403", 0, "403"},
		{providers.Fault{Mode: providers.Throttle}, events.Transient, "http_429", 0, "429"},
		{providers.Fault{Mode: providers.Throttle, RetryAfter: 7}, events.Transient, "http_429", 7 * time.Second, "429"},
		{providers.Fault{Mode: providers.Throttle, RetryAfter: 3600}, events.Unavailable, "http_429", 0, "wait for 1h0m0s, which is too long"},
		{providers.Fault{Mode: providers.Down}, events.Transient, "http_500", 0, "500"},
		{providers.Fault{Mode: providers.Hang}, events.Transient, "timeout", 0, "no answer in time"},
		{providers.Fault{Mode: providers.Cut}, events.Transient, "cut", 0, "cut off"},
		{providers.Fault{Mode: providers.Truncated}, events.Transient, "garbage", 0, "can't be read"},
		{providers.Fault{Mode: providers.Wrong}, events.Transient, "garbage", 0, "cannot unmarshal"},
		{providers.Fault{Mode: providers.Hollow}, events.Transient, "garbage", 0, "no code"},
		{providers.Fault{Mode: providers.Page}, events.Transient, "garbage", 0, "invalid character '<'"},
		{providers.Fault{Mode: providers.Absurd}, events.Unavailable, "implausible", 0, "less than the great circle"},
		{providers.Fault{Mode: providers.Elsewhere}, events.Unavailable, "implausible", 0, "from where it should"},
		{providers.Fault{Mode: providers.Lost}, events.Unavailable, "no_route", 0, "NoRoute: Impossible route"},
	} {
		t.Run(string(tc.fault.Mode), func(t *testing.T) {
			t.Parallel()
			d := desk(t)
			impatient := d
			if tc.fault.Mode == providers.Hang {
				impatient = routetest.Open(t, d.World, open, "", "ROUTE_PATIENCE=300ms")
			}
			require.NoError(t, d.World.OSRM.Fail(tc.fault))
			_, err := impatient.Directions("Vaduz", "Schaan")
			routetest.RequireFailed(t, err, tc.class, tc.code, tc.wait, tc.says)
			require.NoError(t, d.World.Fail(providers.Sound, providers.Sound))
			_, err = d.Directions("Vaduz", "Schaan")
			require.NoError(t, err, "it recovers")
		})
	}
}

func TestOrders(t *testing.T) {
	d := desk(t)
	for to, says := range map[string]string{"Cut-off": "NoRoute", "Reykjavik": "NoSegment"} {
		_, err := d.Directions("Vaduz", to)
		routetest.RequireFailed(t, err, events.Unavailable, "no_route", 0, says)
	}
	before, _ := d.World.OSRM.Calls()
	_, err := d.Perform(d.Task("bad", []byte(`{}`), nil))
	routetest.RequireFailed(t, err, events.Refused, "bad_order", 0, "order")
	after, _ := d.World.OSRM.Calls()
	assert.Equal(t, before, after, "a bad order is asked of nobody")
	_, err = desk(t, "OSRM_URL=http://127.0.0.1:1").Directions("Vaduz", "Schaan")
	routetest.RequireFailed(t, err, events.Transient, "unreachable", 0, "connection refused")
}

// What our own server never has a reason to say.
func TestCodes(t *testing.T) {
	const points = `"waypoints": [{"location": [9.5225, 47.1388]}, {"location": [9.5101, 47.1662]}]`
	for _, tc := range []struct {
		status int
		body   string
		class  events.Class
		code   string
	}{
		{400, `{"code": "InvalidValue", "message": "Invalid coordinate value."}`, events.Unavailable, "bad_request"},
		{400, `{"code": "InvalidOptions"}`, events.Unavailable, "bad_request"},
		{400, `{"code": "TooBig"}`, events.Unavailable, "bad_request"},
		{400, `{"code": "SomethingNew"}`, events.Transient, "garbage"},
		{200, `{"code": "Ok"}`, events.Transient, "garbage"},
		{200, `{"code": "Ok", "routes": [{"distance": 1, "duration": 1}]}`, events.Transient, "garbage"},
		{200, `{"code": "Ok", "routes": [{"distance": 3500}], ` + points + `}`, events.Transient, "garbage"},
		{200, `{"code": "Ok", "routes": [{"distance": 1e300, "duration": 1e300}], ` + points + `}`, events.Unavailable, "implausible"},
		{200, `{"code": "Ok", "routes": [{"distance": -3500, "duration": 300}], ` + points + `}`, events.Unavailable, "implausible"},
		{200, `{"code": "Ok", "routes": [{"distance": 3500, "duration": -300}], ` + points + `}`, events.Unavailable, "implausible"},
		{200, `{"code": "Ok", "routes": [{"distance": 3500, "duration": 3}], ` + points + `}`, events.Unavailable, "implausible"},
		{200, `{"code": "Ok", "routes": [{"distance": 90000, "duration": 9000}], ` + points + `}`, events.Unavailable, "implausible"},
		{502, `bad gateway`, events.Transient, "http_502"},
	} {
		t.Run(tc.body, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			t.Cleanup(server.Close)
			_, err := desk(t, "OSRM_URL="+server.URL).Directions("Vaduz", "Schaan")
			routetest.RequireFailed(t, err, tc.class, tc.code, 0, "")
		})
	}
	_, err := open(routetest.Office(t, routetest.World(t), "", "OSRM_URL=nowhere"))
	require.ErrorContains(t, err, `"nowhere" is none`)
}
