package osrmhttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/osrmhttp"
)

// The request is the one of the API's documentation: longitude first.
func TestRequest(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write([]byte(`{"code": "NoSegment", "message": "Could not find a matching segment for coordinate 0"}`))
	}))
	t.Cleanup(server.Close)
	c, err := osrmhttp.New(server.URL+"/", osrmhttp.Config{Profile: "car", Radius: 250})
	require.NoError(t, err)
	_, err = c.Route(t.Context(), geo.Point{Lat: 47.1, Lon: 9.5}, geo.Point{Lat: -47.25, Lon: -9})
	require.EqualError(t, err, "it says NoSegment: Could not find a matching segment for coordinate 0")
	assert.Equal(t, "/route/v1/car/9.500000,47.100000;-9.000000,-47.250000?geometries=polyline&overview=simplified&radiuses=250%3B250&steps=false", asked)
	for _, bad := range []string{"", "router.project-osrm.org", "ftp://x", "http://", ":"} {
		_, err := osrmhttp.New(bad, osrmhttp.Config{})
		require.ErrorContains(t, err, "is none", bad)
	}
}

// Whatever a server says, it is a route, OSRM's word, or garbage.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{
		`{"code":"Ok","routes":[{"distance":1.5,"duration":2,"geometry":"x"}],"waypoints":[{"location":[9,47]},{"location":[9,47]}]}`,
		`{"code":"Ok","routes":[{"distance":1.5,"duration":2}],"waypoints":[{"location":[9]},null]}`,
		`{"code":"NoRoute"}`, `{"code":"Ok","routes":[null]}`, `null`, `[]`, ``, `{"code":1}`,
	} {
		f.Add(s)
	}
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	f.Cleanup(server.Close)
	c, err := osrmhttp.New(server.URL, osrmhttp.Config{})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, s string) {
		body = s
		_, err := c.Route(t.Context(), geo.Point{Lat: 47, Lon: 9}, geo.Point{Lat: 47, Lon: 10})
		if err == nil {
			return
		}
		if _, ok := err.(*osrmhttp.Error); !ok { //nolint:errorlint // it is not wrapped
			assert.NotEqual(t, events.Unknown, agent.Class(err), "%v", err)
		}
	})
}
