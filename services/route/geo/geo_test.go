package geo_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/unwind-saga/unwind/services/route/geo"
)

func TestDistance(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b geo.Point
		want float64 // metres, on a sphere
	}{
		"nowhere":             {geo.Point{Lat: 47, Lon: 9}, geo.Point{Lat: 47, Lon: 9}, 0},
		"a degree north":      {geo.Point{Lat: 0, Lon: 9}, geo.Point{Lat: 1, Lon: 9}, 111_195},
		"a degree at 60":      {geo.Point{Lat: 60, Lon: 9}, geo.Point{Lat: 60, Lon: 10}, 55_597},
		"a quarter":           {geo.Point{Lat: 90, Lon: 0}, geo.Point{Lat: 0, Lon: 77}, 10_007_557},
		"over the date line":  {geo.Point{Lat: 0, Lon: 179.5}, geo.Point{Lat: 0, Lon: -179.5}, 111_195},
		"to the other side":   {geo.Point{Lat: 30, Lon: 10}, geo.Point{Lat: -30, Lon: -170}, 20_015_115},
		"Paris to New York":   {geo.Point{Lat: 48.8566, Lon: 2.3522}, geo.Point{Lat: 40.7128, Lon: -74.0060}, 5_837_240},
		"Vaduz to Schaan":     {geo.Point{Lat: 47.1392862, Lon: 9.5227962}, geo.Point{Lat: 47.1663397, Lon: 9.510312}, 3_153},
		"a short way, 11.1 m": {geo.Point{Lat: 47, Lon: 9}, geo.Point{Lat: 47.0001, Lon: 9}, 11.12},
	} {
		assert.InEpsilon(t, tc.want+1, geo.Distance(tc.a, tc.b)+1, 0.0005, name)
		assert.InDelta(t, geo.Distance(tc.a, tc.b), geo.Distance(tc.b, tc.a), 1e-6, name)
	}
}

func TestCheck(t *testing.T) {
	for p, ok := range map[geo.Point]bool{
		{Lat: 47.14, Lon: 9.52}: true, {Lat: -90, Lon: 180}: true, {}: false,
		{Lat: 90.1, Lon: 9}: false, {Lat: 47, Lon: -180.1}: false,
		{Lat: math.Inf(1), Lon: 9}: false, {Lat: 47, Lon: math.NaN()}: false,
	} {
		assert.Equal(t, ok, p.Check() == nil, "%v", p)
	}
}

func TestAlong(t *testing.T) {
	a, b := geo.Point{Lat: 47, Lon: 9}, geo.Point{Lat: 47, Lon: 10}
	assert.InDelta(t, 0.25, geo.Along(a, b, geo.Point{Lat: 47.3, Lon: 9.25}), 1e-9)
	assert.Zero(t, geo.Along(a, b, geo.Point{Lat: 47, Lon: 8}))
	assert.InDelta(t, 1, geo.Along(a, b, geo.Point{Lat: 46, Lon: 11}), 0)
	assert.Zero(t, geo.Along(a, a, b))
	assert.Equal(t, geo.Point{Lat: 47, Lon: 9.25}, geo.Between(a, b, 0.25))
}
