package roads

import (
	"cmp"
	"container/heap"
	"errors"
	"math"
	"slices"

	"github.com/unwind-saga/unwind/services/route/geo"
)

// ErrNoRoute says that one place can't be reached from the other by car.
var ErrNoRoute = errors.New("there is no road from one to the other")

// A Place is a point on a road.
type Place struct {
	geo.Point
	Road string  // its name, if it has one
	Off  float64 // metres from the point that was asked for

	segment int
	along   float64 // share of the segment
}

// Nearest is the place on a road that is nearest to p, however far that is.
func (g *Graph) Nearest(p geo.Point) Place {
	best := Place{Off: math.Inf(1)}
	for i, s := range g.segments {
		a, b := g.points[s.a], g.points[s.b]
		t := geo.Along(a, b, p)
		on := geo.Between(a, b, t)
		if off := geo.Distance(p, on); off < best.Off {
			best = Place{Point: on, Road: g.ways[s.way].name, Off: off, segment: i, along: t}
		}
	}
	return best
}

// A Route is a drive from one place to another.
type Route struct {
	Metres  float64
	Seconds float64
	Parts   []Part // at least one
}

// A Part of a route is on one road.
type Part struct {
	Road    string
	Metres  float64
	Seconds float64
	Path    []geo.Point // at least two; the last is the first of the next part
}

// Path is all points of the route.
func (r Route) Path() []geo.Point {
	path := slices.Clone(r.Parts[0].Path)
	for _, p := range r.Parts[1:] {
		path = append(path, p.Path[1:]...)
	}
	return path
}

// Route finds the fastest way, by A*.
func (g *Graph) Route(from, to Place) (Route, error) {
	s := search{g: g, goal: to.Point, best: math.Inf(1), last: -1,
		cost: make([]float64, len(g.points)), came: make([]hop, len(g.points))}
	for i := range s.cost {
		s.cost[i] = math.Inf(1)
	}
	// Both on one piece of road, in a direction in which it may be driven: the
	// way may still be shorter around, but not faster.
	first, final := g.segments[from.segment], g.segments[to.segment]
	if from.segment == to.segment && g.passable(first, from.along, to.along) {
		return g.drive([]geo.Point{from.Point, to.Point}, []int{first.way}), nil
	}
	s.start(first, from)
	s.run(final, to)
	if s.last < 0 {
		return Route{}, ErrNoRoute
	}
	path, ways := []geo.Point{to.Point}, []int{final.way}
	for n := s.last; ; n = s.came[n].from {
		path, ways = append(path, g.points[n]), append(ways, s.came[n].way)
		if s.came[n].from < 0 {
			break
		}
	}
	path = append(path, from.Point)
	slices.Reverse(path)
	slices.Reverse(ways)
	return g.drive(path, ways), nil
}

// passable reports whether a segment may be driven from one share of it to
// another.
func (g *Graph) passable(s segment, from, to float64) bool {
	return from == to || from < to && g.ways[s.way].forward || from > to && g.ways[s.way].back
}

// drive puts a route together of points and of the ways between them.
func (g *Graph) drive(path []geo.Point, ways []int) Route {
	var r Route
	for i, w := range ways {
		way := g.ways[w]
		metres := geo.Distance(path[i], path[i+1])
		if i == 0 || r.Parts[len(r.Parts)-1].Road != way.name {
			r.Parts = append(r.Parts, Part{Road: way.name, Path: []geo.Point{path[i]}})
		}
		part := &r.Parts[len(r.Parts)-1]
		part.Path = append(part.Path, path[i+1])
		part.Metres += metres
		part.Seconds += metres / way.speed
		r.Metres += metres
		r.Seconds += metres / way.speed
	}
	return r
}

// A search is one run of A*.
type search struct {
	g     *Graph
	goal  geo.Point
	cost  []float64 // seconds from the start, by point
	came  []hop     // by point
	queue queue
	best  float64 // seconds to the goal
	last  int     // the point before it; -1: none is known
}

// A hop is how a point was come to.
type hop struct{ from, way int } // from -1: from the start

// start leaves the first segment by its ends.
func (s *search) start(first segment, from Place) {
	p := s.g.points
	if s.g.passable(first, from.along, 1) {
		s.reach(first.b, hop{-1, first.way}, geo.Distance(from.Point, p[first.b])/s.g.ways[first.way].speed)
	}
	if s.g.passable(first, from.along, 0) {
		s.reach(first.a, hop{-1, first.way}, geo.Distance(from.Point, p[first.a])/s.g.ways[first.way].speed)
	}
}

func (s *search) reach(point int, by hop, seconds float64) {
	if seconds >= s.cost[point] {
		return
	}
	s.cost[point], s.came[point] = seconds, by
	// No road is faster than the fastest, and none shorter than a straight line.
	heap.Push(&s.queue, visit{point, seconds, seconds + geo.Distance(s.g.points[point], s.goal)/s.g.fastest})
}

// run goes on until no point that is left can be on a faster way.
func (s *search) run(final segment, to Place) {
	speed := s.g.ways[final.way].speed
	for s.queue.Len() > 0 {
		v := heap.Pop(&s.queue).(visit)
		if v.least >= s.best {
			return
		}
		if v.seconds > s.cost[v.point] {
			continue // it was reached faster meanwhile
		}
		for _, end := range []struct {
			point int
			along float64
		}{{final.a, 0}, {final.b, 1}} {
			if v.point != end.point || !s.g.passable(final, end.along, to.along) {
				continue
			}
			if all := v.seconds + geo.Distance(s.g.points[end.point], to.Point)/speed; all < s.best {
				s.best, s.last = all, end.point
			}
		}
		for _, e := range s.g.out[v.point] {
			s.reach(e.to, hop{v.point, e.way}, v.seconds+e.seconds)
		}
	}
}

type visit struct {
	point   int
	seconds float64
	least   float64 // to the goal, over this point
}

// A queue is a heap of visits, the most promising first.
type queue []visit

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return cmp.Less(q[i].least, q[j].least) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(v any)        { *q = append(*q, v.(visit)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	v := (*q)[last]
	*q = (*q)[:last]
	return v
}
