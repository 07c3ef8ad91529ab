package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"googlemaps.github.io/maps"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/providers"
	"github.com/unwind-saga/unwind/services/route/roads"
)

var (
	vaduz   = geo.Point{Lat: 47.1392862, Lon: 9.5227962}
	balzers = geo.Point{Lat: 47.0666667, Lon: 9.5}
)

func chart(t *testing.T) *roads.Graph {
	t.Helper()
	g, err := roads.Load()
	require.NoError(t, err)
	return g
}

func google(t *testing.T) (*providers.Server, *httptest.Server) {
	t.Helper()
	s := providers.Google(chart(t), "secret")
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h
}

// The official client decodes all that we say, and what it has then is what the
// map says.
func TestOfficialClient(t *testing.T) {
	_, h := google(t)
	client, err := maps.NewClient(maps.WithAPIKey("secret"), maps.WithBaseURL(h.URL))
	require.NoError(t, err)
	routes, waypoints, err := client.Directions(t.Context(), &maps.DirectionsRequest{
		Origin: "47.1392862,9.5227962", Destination: "47.0666667,9.5", DepartureTime: "now", Mode: maps.TravelModeDriving,
	})
	require.NoError(t, err)
	g := chart(t)
	want, err := g.Route(g.Nearest(vaduz), g.Nearest(balzers))
	require.NoError(t, err)

	require.Len(t, waypoints, 2)
	assert.Equal(t, "OK", waypoints[0].GeocoderStatus)
	require.Len(t, routes, 1)
	r := routes[0]
	assert.Equal(t, "Landstrasse", r.Summary)
	assert.Contains(t, r.Copyrights, "OpenStreetMap contributors")
	require.Len(t, r.Legs, 1)
	leg := r.Legs[0]
	assert.InDelta(t, want.Metres, leg.Meters, 1)
	assert.Equal(t, "9.4 km", leg.HumanReadable)
	assert.InDelta(t, want.Seconds, leg.Duration.Seconds(), 1)
	assert.GreaterOrEqual(t, leg.DurationInTraffic, leg.Duration)
	assert.InDelta(t, 0, geo.Distance(vaduz, point(leg.StartLocation)), 60)
	assert.InDelta(t, 0, geo.Distance(balzers, point(leg.EndLocation)), 60)

	require.Len(t, leg.Steps, len(want.Parts))
	metres, at := 0, leg.StartLocation
	for _, s := range leg.Steps {
		metres += s.Meters
		assert.Equal(t, "DRIVING", s.TravelMode)
		assert.Equal(t, at, s.StartLocation, "each step begins where the one before ended")
		at = s.EndLocation
		path, err := s.Decode()
		require.NoError(t, err)
		assert.InDelta(t, s.Meters, length(path), 0.02*float64(s.Meters)+5, "%s", s.HTMLInstructions)
	}
	assert.Equal(t, leg.EndLocation, at)
	assert.InDelta(t, leg.Meters, metres, float64(len(leg.Steps)))

	path, err := r.OverviewPolyline.Decode()
	require.NoError(t, err)
	assert.InEpsilon(t, leg.Meters, length(path), 0.01)
	for _, p := range path {
		assert.True(t, p.Lat <= r.Bounds.NorthEast.Lat+1e-5 && p.Lat >= r.Bounds.SouthWest.Lat-1e-5, "within the bounds")
	}
}

func point(l maps.LatLng) geo.Point { return geo.Point{Lat: l.Lat, Lon: l.Lng} }

func length(path []maps.LatLng) (metres float64) {
	for i := range len(path) - 1 {
		metres += geo.Distance(point(path[i]), point(path[i+1]))
	}
	return metres
}

// The statuses, as they are documented: all in an answer of HTTP status 200.
func TestGoogleStatuses(t *testing.T) {
	_, h := google(t)
	for query, want := range map[string][2]string{
		"origin=47.14,9.52&destination=47.16,9.51&key=secret":                           {"OK", ""},
		"origin=47.14,9.52&destination=47.16,9.51":                                      {"REQUEST_DENIED", "You must use an API key"},
		"origin=47.14,9.52&destination=47.16,9.51&key=guess":                            {"REQUEST_DENIED", "is invalid"},
		"origin=47.14,9.52&key=secret":                                                  {"INVALID_REQUEST", "'destination'"},
		"destination=47.14,9.52&key=secret":                                             {"INVALID_REQUEST", "'origin'"},
		"origin=47.14,9.52&destination=47.16,9.51&key=secret&departure_time=1":          {"INVALID_REQUEST", "'departure_time'"},
		"origin=47.14,9.52&destination=47.16,9.51&key=secret&departure_time=noon":       {"INVALID_REQUEST", "'departure_time'"},
		"origin=Vaduz&destination=47.16,9.51&key=secret":                                {"NOT_FOUND", ""},
		"origin=147.14,9.52&destination=47.16,9.51&key=secret":                          {"NOT_FOUND", ""},
		"origin=47.14502,9.52508&destination=47.16,9.51&key=secret":                     {"ZERO_RESULTS", ""},
		"origin=64.14667,-21.94083&destination=47.16,9.51&key=secret":                   {"ZERO_RESULTS", ""},
		"origin=47.14,9.52&destination=47.16,9.51&key=secret&mode=transit":              {"ZERO_RESULTS", ""},
		"origin=47.14,9.52&destination=47.16,9.51&key=secret&departure_time=now":        {"OK", ""},
		"origin=47.14,9.52&destination=47.16,9.51&key=secret&departure_time=4070908800": {"OK", ""},
	} {
		res, err := http.Get(h.URL + "/maps/api/directions/json?" + query)
		require.NoError(t, err)
		var got struct {
			Status  string            `json:"status"`
			Message string            `json:"error_message"`
			Routes  []json.RawMessage `json:"routes"`
		}
		require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode, query)
		assert.Equal(t, want[0], got.Status, query)
		assert.Contains(t, got.Message, want[1], query)
		assert.Equal(t, want[0] == "OK", len(got.Routes) == 1, query)
		assert.NotNil(t, got.Routes, query)
	}
}

// A server is told over HTTP how to fail, and how often.
func TestControl(t *testing.T) {
	s, h := google(t)
	put := func(body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, h.URL+"/fault", bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(text)
	}
	ask := func() int {
		res, err := http.Get(h.URL + "/maps/api/directions/json?origin=47.14,9.52&destination=47.16,9.51&key=secret")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	status, text := put(`{"mode": "throttle", "retry_after": 3, "count": 2}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"retry_after":3`)
	assert.Equal(t, []int{429, 429, 200}, []int{ask(), ask(), ask()})
	all, failed := s.Calls()
	assert.Equal(t, []int{3, 2}, []int{all, failed})
	for _, bad := range []string{`{"mode": "sulk"}`, `{"mode": "down", "count": -1}`, `{"mod": "down"}`, `down`} {
		status, _ := put(bad)
		assert.Equal(t, http.StatusBadRequest, status, bad)
	}
	assert.Equal(t, 200, ask(), "what is refused changes nothing")
	require.NoError(t, s.Fail(providers.Fault{}))
}

// A call that hangs ends when its client goes, and the server can stop.
func TestHang(t *testing.T) {
	s, h := google(t)
	require.NoError(t, s.Fail(providers.Fault{Mode: providers.Hang}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/maps/api/directions/json", nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func ExampleServer_Fail() {
	g, err := roads.Load()
	if err != nil {
		panic(err)
	}
	osrm := providers.OSRM(g)
	if err := osrm.Fail(providers.Fault{Mode: providers.Lost, Count: 1}); err != nil {
		panic(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		osrm.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/route/v1/driving/9.52,47.14;9.51,47.16?overview=false", nil))
		var answer struct{ Code string }
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		fmt.Println(w.Code, answer.Code)
	}
	// Output:
	// 400 NoRoute
	// 200 Ok
}
