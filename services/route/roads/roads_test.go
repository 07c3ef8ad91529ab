package roads

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/services/route/geo"
)

var (
	vaduz       = geo.Point{Lat: 47.1392862, Lon: 9.5227962}
	schaan      = geo.Point{Lat: 47.1663397, Lon: 9.510312}
	balzers     = geo.Point{Lat: 47.0666667, Lon: 9.5}
	ruggell     = geo.Point{Lat: 47.2397558, Lon: 9.5262874}
	triesen     = geo.Point{Lat: 47.106994, Lon: 9.5274876}
	triesenberg = geo.Point{Lat: 47.1186181, Lon: 9.5433663}
	malbun      = geo.Point{Lat: 47.1027, Lon: 9.6097}
	cutOff      = geo.Point{Lat: 47.14502, Lon: 9.52508}
)

func chart(t testing.TB) *Graph {
	t.Helper()
	g, err := Load()
	require.NoError(t, err)
	return g
}

// The country's distances as who lives there knows them, to a tenth: where a
// village's middle is may be argued about. That no faster way was missed is the
// next test's business.
func TestKnownDistances(t *testing.T) {
	g := chart(t)
	for name, tc := range map[string]struct {
		from, to geo.Point
		km       float64
		over     string
	}{
		"Vaduz to Schaan":             {vaduz, schaan, 3.5, "Landstrasse"},
		"Vaduz to Triesen":            {vaduz, triesen, 3.8, "Landstrasse"},
		"Vaduz to Balzers":            {vaduz, balzers, 9.4, "Landstrasse"},
		"Vaduz to Triesenberg":        {vaduz, triesenberg, 6.2, "Meierhofstrasse"},
		"Vaduz to Malbun":             {vaduz, malbun, 14.5, "Malbunstrasse"}, // past Steg, through the tunnel
		"the country, south to north": {balzers, ruggell, 22.5, "Landstrasse"},
	} {
		r, err := g.Route(g.Nearest(tc.from), g.Nearest(tc.to))
		require.NoError(t, err, name)
		assert.InEpsilon(t, tc.km*1000, r.Metres, 0.1, name)
		var names []string
		for _, p := range r.Parts {
			names = append(names, p.Road)
		}
		assert.Contains(t, names, tc.over, name)
	}
}

// The fastest way is never slower than what a plain search finds that looks at
// all of the map, and its parts add up.
func TestAgainstPlainSearch(t *testing.T) {
	g := chart(t)
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 40 {
		from, to := g.Nearest(g.points[random.IntN(len(g.points))]), g.Nearest(g.points[random.IntN(len(g.points))])
		want, ok := plain(g, from, to)
		r, err := g.Route(from, to)
		if !ok {
			require.ErrorIs(t, err, ErrNoRoute)
			continue
		}
		require.NoError(t, err)
		found++
		assert.InDelta(t, want, r.Seconds, 1e-6, "%v to %v", from, to)
		var metres, seconds float64
		for _, p := range r.Parts {
			metres, seconds = metres+p.Metres, seconds+p.Seconds
		}
		assert.InDelta(t, r.Metres, metres, 1e-6)
		assert.InDelta(t, r.Seconds, seconds, 1e-6)
		path := r.Path()
		assert.Equal(t, []geo.Point{from.Point, to.Point}, []geo.Point{path[0], path[len(path)-1]})
		assert.GreaterOrEqual(t, r.Metres, geo.Distance(from.Point, to.Point)-1e-6)
	}
	require.Greater(t, found, 30, "most of the map hangs together")
}

// plain goes on from every point that was reached faster, until none is (Bellman
// and Ford).
func plain(g *Graph, from, to Place) (float64, bool) {
	const far = 1e18
	cost := make([]float64, len(g.points))
	for i := range cost {
		cost[i] = far
	}
	rest := func(s segment, p Place, end int) float64 {
		return geo.Distance(p.Point, g.points[end]) / g.ways[s.way].speed
	}
	first, final := g.segments[from.segment], g.segments[to.segment]
	best := far
	if from.segment == to.segment && g.passable(first, from.along, to.along) {
		best = geo.Distance(from.Point, to.Point) / g.ways[first.way].speed
	}
	if g.passable(first, from.along, 1) {
		cost[first.b] = rest(first, from, first.b)
	}
	if g.passable(first, from.along, 0) {
		cost[first.a] = min(cost[first.a], rest(first, from, first.a))
	}
	queue := []int{first.a, first.b}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		for _, e := range g.out[p] {
			if c := cost[p] + e.seconds; c < cost[e.to]-1e-12 {
				cost[e.to] = c
				queue = append(queue, e.to)
			}
		}
	}
	if g.passable(final, 0, to.along) {
		best = min(best, cost[final.a]+rest(final, to, final.a))
	}
	if g.passable(final, 1, to.along) {
		best = min(best, cost[final.b]+rest(final, to, final.b))
	}
	return best, best < far
}

func TestNoRoute(t *testing.T) {
	g := chart(t)
	island := g.Nearest(cutOff)
	assert.Less(t, island.Off, 50.0)
	_, err := g.Route(island, g.Nearest(schaan))
	require.ErrorIs(t, err, ErrNoRoute)
	_, err = g.Route(g.Nearest(schaan), island)
	require.ErrorIs(t, err, ErrNoRoute)
	r, err := g.Route(island, island)
	require.NoError(t, err, "from a place to itself")
	assert.Zero(t, r.Metres)
	far := g.Nearest(geo.Point{Lat: 64.14667, Lon: -21.94083})
	assert.Greater(t, far.Off, 2e6, "Reykjavik is on no road of ours")
}

// A small map with a one-way street, there and back.
func TestOneWay(t *testing.T) {
	const square = `# a square, 1 by 1 minutes of nothing
n 470000000 90000000
n 0 10000
n 10000 0
n 0 -10000
w residential 1 50 0,1 East
w residential 0 0 1,1 North
w residential -1 0 3,-1 West, driven from 2 to 3 by its arrow
w residential 0 0 3,-3 South
`
	g, err := read(strings.NewReader(square))
	require.NoError(t, err)
	at := func(lat, lon float64) Place { return g.Nearest(geo.Point{Lat: lat, Lon: lon}) }
	there, err := g.Route(at(47, 9.0002), at(47, 9.0008))
	require.NoError(t, err)
	back, err := g.Route(at(47, 9.0008), at(47, 9.0002))
	require.NoError(t, err)
	assert.Len(t, there.Parts, 1)
	assert.Equal(t, []string{"East", "North", "West, driven from 2 to 3 by its arrow", "South", "East"}, names(back))
	assert.InDelta(t, there.Metres/40*3.6, there.Seconds, 1e-6, "four fifths of the limit")

	for name, text := range map[string]string{
		"a class that is none": "n 1 1\nn 1 1\nw track 0 0 0,1 x", "a point that is none": "n 1 1\nw service 0 0 0,1 x",
		"no name": "n 1 1\nw service 0 0 0,0", "no number": "n 1 x", "a line of nothing": "n 1 1\n\n", "a limit": "n 1 1\nw service 0 fast 0,0 x",
	} {
		_, err := read(strings.NewReader(text))
		assert.Error(t, err, name)
	}
}

func names(r Route) (list []string) {
	for _, p := range r.Parts {
		list = append(list, p.Road)
	}
	return list
}

func BenchmarkRoute(b *testing.B) {
	g := chart(b)
	for b.Loop() {
		if _, err := g.Route(g.Nearest(balzers), g.Nearest(ruggell)); err != nil {
			b.Fatal(err)
		}
	}
}
