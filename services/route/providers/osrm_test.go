package providers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"googlemaps.github.io/maps"

	"github.com/unwind-saga/unwind/services/route/osrmhttp"
	"github.com/unwind-saga/unwind/services/route/providers"
)

func ask(t *testing.T, h *httptest.Server, path string) (int, map[string]any) {
	t.Helper()
	res, err := http.Get(h.URL + path)
	require.NoError(t, err)
	defer res.Body.Close()
	var got map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
	return res.StatusCode, got
}

// The answers have what the API's documentation lists, and the client of ours
// reads them.
func TestOSRM(t *testing.T) {
	h := httptest.NewServer(providers.OSRM(chart(t)))
	t.Cleanup(h.Close)
	status, got := ask(t, h, "/route/v1/driving/9.5227962,47.1392862;9.5,47.0666667?geometries=geojson&overview=full&alternatives=false&steps=false")
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, "Ok", got["code"])
	r := got["routes"].([]any)[0].(map[string]any)
	for _, field := range []string{"distance", "duration", "weight", "weight_name", "legs", "geometry"} {
		assert.Contains(t, r, field)
	}
	leg := r["legs"].([]any)[0].(map[string]any)
	for _, field := range []string{"distance", "duration", "weight", "summary", "steps"} {
		assert.Contains(t, leg, field)
	}
	w := got["waypoints"].([]any)
	require.Len(t, w, 2)
	for _, field := range []string{"hint", "distance", "name", "location"} {
		assert.Contains(t, w[0], field)
	}
	line := r["geometry"].(map[string]any)
	assert.Equal(t, "LineString", line["type"])
	assert.Equal(t, w[0].(map[string]any)["location"], line["coordinates"].([]any)[0], "longitude first, in both")
	assert.InDelta(t, 9.52, line["coordinates"].([]any)[0].([]any)[0], 0.01)

	_, none := ask(t, h, "/route/v1/driving/9.5227962,47.1392862;9.5,47.0666667?overview=false")
	assert.NotContains(t, none["routes"].([]any)[0], "geometry")
	far, got := ask(t, h, "/route/v1/driving/-21.94083,64.14667;9.5,47.0666667")
	assert.Equal(t, 200, far, "a place far from every road is put on the nearest, if nothing else is said")
	assert.Greater(t, got["waypoints"].([]any)[0].(map[string]any)["distance"], 2e6)

	client, err := osrmhttp.New(h.URL, osrmhttp.Config{})
	require.NoError(t, err)
	found, err := client.Route(t.Context(), vaduz, balzers)
	require.NoError(t, err)
	assert.InDelta(t, r["distance"], found.Metres, 0)
	assert.InDelta(t, r["duration"], found.Seconds, 0)
	path, err := maps.DecodePolyline(found.Polyline)
	require.NoError(t, err)
	assert.InEpsilon(t, found.Metres, length(path), 0.01)
	assert.InDelta(t, found.From.Lat, path[0].Lat, 1e-5)
}

// What is wrong has a code, and the HTTP status 400.
func TestOSRMCodes(t *testing.T) {
	h := httptest.NewServer(providers.OSRM(chart(t)))
	t.Cleanup(h.Close)
	for path, code := range map[string]string{
		"/route/v1/driving/9.52,47.14;9.51,47.16?radiuses=1000;1000":         "Ok",
		"/route/v1/driving/9.52,47.14;9.51,47.16.json?radiuses=;unlimited":   "Ok",
		"/route/v1/driving/9.52508,47.14502;9.51,47.16":                      "NoRoute",
		"/route/v1/driving/9.52,47.14;-21.94083,64.14667?radiuses=1000;1000": "NoSegment",
		"/route/v1/driving/9.52,47.14;9.51":                                  "InvalidQuery",
		"/route/v1/driving/Vaduz;Schaan":                                     "InvalidQuery",
		"/route/v1/driving/9.52,47.14;9.51,47.16?speed=high":                 "InvalidQuery",
		"/route/v1/driving/9.52,47.14;9.51,47.16?geometries=wkt":             "InvalidQuery",
		"/route/v1/driving/9.52,47.14;9.51,147.16":                           "InvalidValue",
		"/route/v1/driving/9.52,47.14":                                       "InvalidOptions",
		"/route/v1/driving/9.52,47.14;9.51,47.16?radiuses=1000":              "InvalidOptions",
		"/route/v1/driving/9.52,47.14;9.51,47.16;9.5,47.1":                   "TooBig",
		"/route/v2/driving/9.52,47.14;9.51,47.16":                            "InvalidVersion",
		"/table/v1/driving/9.52,47.14;9.51,47.16":                            "InvalidService",
		"/": "InvalidUrl",
	} {
		status, got := ask(t, h, path)
		assert.Equal(t, code, got["code"], path)
		assert.Equal(t, code == "Ok", status == http.StatusOK, path)
		assert.Equal(t, code != "Ok", status == http.StatusBadRequest, path)
	}
}
