package face

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// pupilCascade walks from somewhere near an eye to its pupil: stage after stage, each
// a vote of trees that compare two pixels at each node and end in a small step (Markuš
// and others, "Eye pupil localization with an ensemble of randomized trees", 2014).
//
// The cascade file is pigo's, the walk is written anew after pigo's. That one starts
// from places drawn of the global math/rand, so that one picture has two answers (F1),
// and sorts a pooled slice that still holds the last caller's places.
type pupilCascade struct {
	shrink float64 // of the reach, after each stage
	stages [][]tree
}

// tree asks whether pixel a is brighter than pixel b, goes right if so, and ends in a step.
type tree struct {
	asks  []ask
	steps []step
}

// ask compares two pixels, placed in 1/256 of the reach.
type ask struct{ rowA, colA, rowB, colB int8 }

// step is a way to go, in units of the reach.
type step struct{ down, right float32 }

// unpackPupils reads the file: the number of stages, the shrinking, the trees in a stage
// and their depth, four bytes each, little endian; then the trees.
func unpackPupils(b []byte) (pupilCascade, error) {
	if len(b) < 16 {
		return pupilCascade{}, fmt.Errorf("read header: %d bytes of 16", len(b))
	}
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	stages, shrink, trees, depth := word(0), math.Float32frombits(word(4)), word(8), word(12)
	if stages > 64 || trees > 1024 || depth > 16 {
		return pupilCascade{}, fmt.Errorf("read header: %d stages of %d trees of depth %d", stages, trees, depth)
	}
	leaves := 1 << depth
	if want := 16 + int(stages*trees)*((leaves-1)*4+leaves*8); len(b) != want {
		return pupilCascade{}, fmt.Errorf("read %d stages of %d trees: %d bytes of %d", stages, trees, len(b), want)
	}

	c := pupilCascade{shrink: float64(shrink), stages: make([][]tree, stages)}
	at := 16
	for s := range c.stages {
		c.stages[s] = make([]tree, trees)
		for t := range c.stages[s] {
			grown := tree{make([]ask, leaves-1), make([]step, leaves)}
			for i := range grown.asks {
				grown.asks[i] = ask{int8(b[at]), int8(b[at+1]), int8(b[at+2]), int8(b[at+3])}
				at += 4
			}
			for i := range grown.steps {
				grown.steps[i] = step{math.Float32frombits(word(at)), math.Float32frombits(word(at + 4))}
				at += 8
			}
			c.stages[s][t] = grown
		}
	}
	return c, nil
}

// walk goes from a place to the pupil it can see within its reach.
func (c pupilCascade) walk(r raster, from Point, reach float64) Point {
	grey := func(row, col int8) uint8 {
		y := min(max(int(from.Y+float64(row)*reach/256), 0), r.h-1)
		x := min(max(int(from.X+float64(col)*reach/256), 0), r.w-1)
		return r.pixels[y*r.w+x]
	}
	for _, trees := range c.stages {
		var down, right float64
		for _, t := range trees {
			node := 0
			for node < len(t.asks) {
				a := t.asks[node]
				node = 2*node + 1
				if grey(a.rowA, a.colA) > grey(a.rowB, a.colB) {
					node++
				}
			}
			leaf := t.steps[node-len(t.asks)]
			down += float64(leaf.down)
			right += float64(leaf.right)
		}
		from.Y += down * reach
		from.X += right * reach
		reach *= c.shrink
	}
	return from
}

// walks is how many starts are tried for one eye; the middle of the arrivals counts.
const walks = 31

// pupil looks for a pupil near a place. It also says how far apart the walks arrived
// (the median distance from the middle): walkers who see an eye agree.
func (c pupilCascade) pupil(r raster, near Point, reach float64) (at Point, spread float64) {
	var xs, ys, apart [walks]float64
	for i := range walks {
		// The R3 sequence of Roberts fills the cube of starts evenly, with no dice.
		n := float64(i + 1)
		x, y, z := frac(n*0.8191725134), frac(n*0.6710436067), frac(n*0.5497004779)
		end := c.walk(r,
			Point{near.X + 0.15*reach*(x-0.5), near.Y + 0.15*reach*(y-0.5)},
			reach*(0.925+0.15*z))
		xs[i], ys[i] = end.X, end.Y
	}
	at = Point{median(xs[:]), median(ys[:])}
	for i := range walks {
		apart[i] = math.Abs(xs[i]-at.X) + math.Abs(ys[i]-at.Y)
	}
	return at, median(apart[:])
}

// pair finds both pupils of a face. It is sure of them when they look like a pair of
// eyes: walks that agree, not too near, not too far, not too much aslant. When it is
// not, it returns the guess.
func (c pupilCascade) pair(r raster, f found) (eyes Eyes, sure bool) {
	reach := 0.25 * f.size
	guess := f.guess()
	// The second time from where the first ended: the guess is often a tenth of the box
	// off, and a walk from there may stop in the corner of the eye.
	left, _ := c.pupil(r, guess.Left, reach)
	left, doubtL := c.pupil(r, left, reach)
	right, _ := c.pupil(r, guess.Right, reach)
	right, doubtR := c.pupil(r, right, reach)

	dx, dy := right.X-left.X, right.Y-left.Y
	sure = max(doubtL, doubtR) < 0.03*f.size &&
		dx > 0.24*f.size && dx < 0.55*f.size &&
		math.Abs(dy) < 0.45*dx
	if !sure {
		return guess, false
	}
	return Eyes{left, right}, true
}

func frac(x float64) float64 { return x - math.Floor(x) }

func median(x []float64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	return sorted[len(sorted)/2]
}
