package roads

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the map
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/unwind-saga/unwind/services/route/geo"
)

//go:embed liechtenstein.txt.gz
var file []byte

// Attribution is to be shown wherever something that was made of the map is.
const Attribution = "© OpenStreetMap contributors"

// Speeds are those of OSRM's car profile, in km/h, by the class of a road. Other
// classes are not for cars.
var Speeds = map[string]float64{
	"motorway": 90, "motorway_link": 45, "trunk": 85, "trunk_link": 40, "primary": 65, "primary_link": 30,
	"secondary": 55, "secondary_link": 25, "tertiary": 40, "tertiary_link": 20,
	"unclassified": 25, "residential": 25, "living_street": 10, "service": 15,
}

// slower than the limit: OSRM's profile drives at four fifths of a mapped limit.
const slower = 0.8

// A Graph is a map. It does not change, and may be used by many at once.
type Graph struct {
	points   []geo.Point
	ways     []way
	segments []segment
	out      [][]edge // by point
	fastest  float64  // metres per second
}

type way struct {
	name    string
	speed   float64 // metres per second
	forward bool    // may be driven in the order of its points
	back    bool
}

// A segment is a straight piece of a way, between two of its points.
type segment struct{ a, b, way int }

// An edge is a segment in a direction in which it may be driven.
type edge struct {
	to, way int
	seconds float64
}

// Load returns the map that the package carries. It is read once.
func Load() (*Graph, error) { return load() }

var load = sync.OnceValues(func() (*Graph, error) {
	plain, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("unpack the map: %w", err)
	}
	return read(plain)
})

func read(r io.Reader) (*Graph, error) {
	g := &Graph{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	lat, lon := 0, 0
	for n := 1; lines.Scan(); n++ {
		var err error
		switch kind, rest, _ := strings.Cut(lines.Text(), " "); kind {
		case "#":
		case "n":
			err = g.point(rest, &lat, &lon)
		case "w":
			err = g.way(rest)
		default:
			err = fmt.Errorf("kind %q", kind)
		}
		if err != nil {
			return nil, fmt.Errorf("read the map: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the map: %w", err)
	}
	return g, nil
}

func (g *Graph) point(text string, lat, lon *int) error {
	var north, east int
	if _, err := fmt.Sscanf(text, "%d %d", &north, &east); err != nil {
		return err
	}
	*lat, *lon = *lat+north, *lon+east
	g.points = append(g.points, geo.Point{Lat: float64(*lat) / 1e7, Lon: float64(*lon) / 1e7})
	g.out = append(g.out, nil)
	return nil
}

func (g *Graph) way(text string) error {
	fields := strings.SplitN(text, " ", 5)
	if len(fields) < 5 {
		return fmt.Errorf("a way with %d fields", len(fields))
	}
	limit, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		return err
	}
	kmh, known := Speeds[fields[0]]
	if !known {
		return fmt.Errorf("class %q", fields[0])
	}
	if limit > 0 {
		kmh = limit * slower
	}
	w := way{name: fields[4], speed: kmh / 3.6, forward: fields[1] != "-1", back: fields[1] != "1"}
	g.fastest = max(g.fastest, w.speed)
	g.ways = append(g.ways, w)
	at := 0
	for i, difference := range strings.Split(fields[3], ",") {
		d, err := strconv.Atoi(difference)
		if err != nil {
			return err
		}
		before := at
		if at += d; at < 0 || at >= len(g.points) {
			return fmt.Errorf("point %d of %d", at, len(g.points))
		}
		if i > 0 && at != before {
			g.join(before, at, len(g.ways)-1)
		}
	}
	return nil
}

func (g *Graph) join(a, b, way int) {
	g.segments = append(g.segments, segment{a, b, way})
	w := g.ways[way]
	seconds := geo.Distance(g.points[a], g.points[b]) / w.speed
	if w.forward {
		g.out[a] = append(g.out[a], edge{b, way, seconds})
	}
	if w.back {
		g.out[b] = append(g.out[b], edge{a, way, seconds})
	}
}
