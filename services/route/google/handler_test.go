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
	d := desk(t)
	found, err := d.Directions("Vaduz", "Balzers")
	require.NoError(t, err)
	assert.Equal(t, "google", found.By)
	assert.Equal(t, trip.Traffic, found.Quality)
	assert.InEpsilon(t, 9400, found.Metres, 0.05)
	assert.InEpsilon(t, 735*1.1, found.Seconds, 0.05, "a tenth more by day")
	assert.NotEmpty(t, found.Polyline)
	assert.Contains(t, found.Attribution, "OpenStreetMap")
	assert.Nil(t, found.Bounds, "Google gives none")

	rush := routetest.OrderAt(t, "Vaduz", "Balzers", time.Now().Truncate(24*time.Hour).Add(32*time.Hour), time.Hour)
	result, err := d.Perform(d.Task("2", rush, nil))
	require.NoError(t, err)
	assert.Contains(t, result, `"duration_s":992`, "more at eight in the morning")

	past := routetest.OrderAt(t, "Vaduz", "Balzers", time.Now().Add(-time.Hour), time.Hour)
	result, err = d.Perform(d.Task("3", past, nil))
	require.NoError(t, err)
	assert.Contains(t, result, `"quality":"roads"`, "there is no traffic of the past")
}

// Each way in which the service fails is a class, by which something else
// follows, and has a name.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		fault providers.Fault
		class events.Class
		code  string
		wait  time.Duration
		says  string
	}{
		{providers.Fault{Mode: providers.Expired}, events.Unavailable, "denied", 0, "REQUEST_DENIED: The provided API key is expired."},
		{providers.Fault{Mode: providers.Throttle}, events.Transient, "throttled", 2 * time.Second, "OVER_QUERY_LIMIT"},
		{providers.Fault{Mode: providers.Throttle, RetryAfter: 7}, events.Transient, "http_429", 7 * time.Second, "429"},
		{providers.Fault{Mode: providers.Throttle, RetryAfter: 3600}, events.Unavailable, "http_429", 0, "wait for 1h0m0s, which is too long"},
		{providers.Fault{Mode: providers.Down}, events.Transient, "http_500", 0, "500"},
		{providers.Fault{Mode: providers.Hang}, events.Transient, "timeout", 0, "no answer in time"},
		{providers.Fault{Mode: providers.Cut}, events.Transient, "cut", 0, "cut off"},
		{providers.Fault{Mode: providers.Truncated}, events.Transient, "garbage", 0, "can't be read"},
		{providers.Fault{Mode: providers.Wrong}, events.Transient, "garbage", 0, "cannot unmarshal"},
		{providers.Fault{Mode: providers.Hollow}, events.Transient, "garbage", 0, `its status is ""`},
		{providers.Fault{Mode: providers.Page}, events.Transient, "garbage", 0, "invalid character '<'"},
		{providers.Fault{Mode: providers.Absurd}, events.Unavailable, "implausible", 0, "less than the great circle"},
		{providers.Fault{Mode: providers.Elsewhere}, events.Unavailable, "implausible", 0, "from where it should"},
		{providers.Fault{Mode: providers.Lost}, events.Unavailable, "no_route", 0, "no route"},
	} {
		t.Run(string(tc.fault.Mode), func(t *testing.T) {
			t.Parallel()
			d := desk(t)
			impatient := d
			if tc.fault.Mode == providers.Hang {
				impatient = routetest.Open(t, d.World, open, "", "ROUTE_PATIENCE=300ms")
			}
			require.NoError(t, d.World.Google.Fail(tc.fault))
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
	for to, code := range map[string]string{"Cut-off": "no_route", "Reykjavik": "no_route"} {
		_, err := d.Directions("Vaduz", to)
		routetest.RequireFailed(t, err, events.Unavailable, code, 0, "no route")
	}
	_, before := d.World.Google.Calls()
	for _, order := range []string{
		`{}`, `{"from": {"lat": 91, "lon": 9}, "to": {"lat": 47, "lon": 9}, "depart": "2030-01-01T10:00:00Z", "due": "2030-01-01T11:00:00Z"}`, `[]`,
	} {
		_, err := d.Perform(d.Task("bad", []byte(order), nil))
		routetest.RequireFailed(t, err, events.Refused, "bad_order", 0, "order")
	}
	_, after := d.World.Google.Calls()
	assert.Equal(t, before, after, "a bad order is asked of nobody")
}

// What the key says and what the service says of itself, with no fault set.
func TestKeys(t *testing.T) {
	for key, says := range map[string]string{"another": "The provided API key is invalid."} {
		_, err := desk(t, "GOOGLE_MAPS_KEY="+key).Directions("Vaduz", "Schaan")
		routetest.RequireFailed(t, err, events.Unavailable, "denied", 0, says)
	}
	_, err := desk(t, "GOOGLE_MAPS_URL=http://127.0.0.1:1").Directions("Vaduz", "Schaan")
	routetest.RequireFailed(t, err, events.Transient, "unreachable", 0, "connection refused")
}

// Statuses that our own server never has a reason to say, and what real servers
// in front of it do.
func TestStatuses(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		class  events.Class
		code   string
	}{
		{200, `{"status": "UNKNOWN_ERROR", "routes": []}`, events.Transient, "unknown_error"},
		{200, `{"status": "OVER_DAILY_LIMIT", "error_message": "Billing - has not been enabled", "routes": []}`, events.Unavailable, "denied"},
		{200, `{"status": "MAX_ROUTE_LENGTH_EXCEEDED", "routes": []}`, events.Unavailable, "no_route"},
		{200, `{"status": "NOT_FOUND", "routes": []}`, events.Unavailable, "no_route"},
		{200, `{"status": "INVALID_REQUEST", "routes": []}`, events.Unavailable, "bad_request"},
		{400, `{"status": "INVALID_REQUEST", "error_message": "no", "routes": []}`, events.Unavailable, "bad_request"},
		{200, `{"status": "SOMETHING_NEW", "routes": []}`, events.Transient, "garbage"},
		{200, `{"status": "OK", "routes": []}`, events.Unavailable, "no_route"},
		{200, `{"status": "OK", "routes": [{}]}`, events.Transient, "garbage"},
		{200, `{"status": "OK", "routes": [{"legs": [null]}]}`, events.Transient, "garbage"},
		{200, `{"status": "OK", "routes": [{"legs": [{}]}]}`, events.Unavailable, "implausible"},
		{200, `{"status": "OK", "routes": [{"legs": [{"distance": null, "duration": null, "start_location": null}]}]}`, events.Unavailable, "implausible"},
		{200, ``, events.Transient, "garbage"},
		{204, ``, events.Transient, "garbage"},
		{302, ``, events.Unavailable, "http_302"},
		{401, ``, events.Unavailable, "http_401"},
		{403, ``, events.Unavailable, "http_403"},
		{504, ``, events.Transient, "http_504"},
		{400, `<html>`, events.Transient, "garbage"},
	} {
		t.Run(tc.body, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			t.Cleanup(server.Close)
			_, err := desk(t, "GOOGLE_MAPS_URL="+server.URL).Directions("Vaduz", "Schaan")
			routetest.RequireFailed(t, err, tc.class, tc.code, 0, "")
		})
	}
}

func TestSettings(t *testing.T) {
	for _, env := range []string{"GOOGLE_MAPS_URL=nowhere", "GOOGLE_MAPS_URL=:"} {
		_, err := open(routetest.Office(t, routetest.World(t), "", env))
		require.ErrorContains(t, err, "is none", env)
	}
}
