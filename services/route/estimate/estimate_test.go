package estimate_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/route/estimate"
	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/roads"
	"github.com/unwind-saga/unwind/services/route/trip"
)

var valley = []estimate.Area{{Name: "valley", South: 47.04, West: 9.47, North: 47.28, East: 9.64}}

func TestOf(t *testing.T) {
	vaduz, schaan := geo.Point{Lat: 47.1392862, Lon: 9.5227962}, geo.Point{Lat: 47.1663397, Lon: 9.510312}
	d, err := estimate.Of(trip.Order{From: vaduz, To: schaan}, "me", valley)
	require.NoError(t, err)
	assert.Equal(t, trip.Directions{
		Metres: 4319, Seconds: 346, By: "me", Quality: trip.Estimate,
		Bounds: &trip.Bounds{Metres: [2]int{3153, 5959}, Seconds: [2]int{228, 580}},
	}, d)
	require.NoError(t, d.Check(trip.Order{From: vaduz, To: schaan}, vaduz, schaan), "it would be believed")

	sea := geo.Point{Lat: 64.1, Lon: -21.9}
	for _, o := range []trip.Order{{From: vaduz, To: sea}, {From: sea, To: vaduz}, {From: sea, To: sea}} {
		_, err := estimate.Of(o, "me", valley)
		require.ErrorIs(t, err, estimate.ErrElsewhere)
	}
	two := append(slices.Clone(valley), estimate.Area{Name: "Iceland", South: 63, West: -25, North: 67, East: -13})
	_, err = estimate.Of(trip.Order{From: vaduz, To: sea}, "me", two)
	require.ErrorIs(t, err, estimate.ErrElsewhere, "each in an area, but not in the same")
}

// A longer way is never estimated shorter, nor to take less time by much: bands
// meet without a leap.
func TestBandsMeet(t *testing.T) {
	all := []estimate.Area{{South: -1, West: -1, North: 10, East: 1}}
	before := 0.0
	for metres := 10.0; metres < 400e3; metres *= 1.01 {
		o := trip.Order{From: geo.Point{Lat: 0.001}, To: geo.Point{Lat: 0.001 + metres/111195}}
		d, err := estimate.Of(o, "me", all)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, float64(d.Metres), before*0.97, "%v m", metres)
		before = float64(d.Metres)
		assert.LessOrEqual(t, d.Bounds.Metres[0], d.Metres)
		assert.LessOrEqual(t, d.Metres, d.Bounds.Metres[1])
		assert.LessOrEqual(t, d.Bounds.Seconds[0], d.Seconds)
		assert.LessOrEqual(t, d.Seconds, d.Bounds.Seconds[1])
		assert.NoError(t, d.Check(o, o.From, o.To))
	}
}

// How good it is on real roads: drives between random points of the map, of
// which many are on two sides of a mountain.
func TestAgainstRoads(t *testing.T) {
	g, err := roads.Load()
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(3, 4))
	var off []float64
	inMetres, inSeconds, n := 0, 0, 0
	for n < 120 {
		from, to := somewhere(g, random), somewhere(g, random)
		if geo.Distance(from.Point, to.Point) < 500 {
			continue
		}
		r, err := g.Route(from, to)
		if err != nil {
			continue
		}
		n++
		d, err := estimate.Of(trip.Order{From: from.Point, To: to.Point}, "me", valley)
		require.NoError(t, err)
		off = append(off, math.Abs(float64(d.Metres)/r.Metres-1))
		assert.LessOrEqual(t, float64(d.Bounds.Metres[0]), r.Metres+1, "no road is shorter than the great circle")
		if r.Metres <= float64(d.Bounds.Metres[1]) {
			inMetres++
		}
		if s := int(r.Seconds); s >= d.Bounds.Seconds[0] && s <= d.Bounds.Seconds[1] {
			inSeconds++
		}
	}
	sum := 0.0
	for _, x := range off {
		sum += x
	}
	t.Logf("%d drives: the distance is off by %.0f %% on average, within its bounds in %d %%, the duration in %d %%",
		n, 100*sum/float64(n), 100*inMetres/n, 100*inSeconds/n)
	assert.Greater(t, inMetres, n*75/100)
	assert.Greater(t, inSeconds, n*70/100)
}

// somewhere is a place on a road, near a random point of the valley.
func somewhere(g *roads.Graph, random *rand.Rand) roads.Place {
	for {
		p := g.Nearest(geo.Point{Lat: 47.05 + 0.2*random.Float64(), Lon: 9.48 + 0.08*random.Float64()})
		if p.Off < 300 {
			return p
		}
	}
}

func TestArea(t *testing.T) {
	require.NoError(t, valley[0].Check())
	for _, a := range []estimate.Area{{}, {South: 2, North: 1, West: 0, East: 1}, {South: 0, North: 1, West: 1, East: 0}, {South: -91, North: 1, West: 0, East: 1}, {South: math.NaN(), North: 1, East: 1}} {
		assert.Error(t, a.Check(), "%v", a)
	}
}
