package face

import (
	"math"
	"math/bits"
)

// patterns is how many bins a histogram has: the 58 uniform patterns of eight
// neighbours, and one for all the others.
const patterns = 59

// histogram counts the patterns of one cell. A cell has 196 pixels: each count fits
// into a byte, and all of them add up.
type histogram [patterns]uint8

// binOf sorts the 256 patterns into bins: uniform is what changes from dark to bright and
// back at most once around the circle, which nearly all patterns of a face do.
var binOf = func() (bins [256]uint8) {
	next := uint8(0)
	for code := range 256 {
		turned := bits.RotateLeft8(uint8(code), 1)
		if bits.OnesCount8(uint8(code)^turned) > 2 {
			bins[code] = patterns - 1
			continue
		}
		bins[code] = next
		next++
	}
	return bins
}()

// count is the local binary patterns of the face, cell by cell: each pixel becomes
// eight bits that say which neighbours, two pixels away, are at least as bright.
func (a *aligned) count() (cells [gridW * gridH]histogram) {
	const diagonal = math.Sqrt2 // two pixels away, aslant
	for y := margin; y < alignedH-margin; y++ {
		for x := margin; x < alignedW-margin; x++ {
			here := a[y*alignedW+x]
			ring := [8]float64{
				a[y*alignedW+x+2], a.between(float64(x)+diagonal, float64(y)+diagonal),
				a[(y+2)*alignedW+x], a.between(float64(x)-diagonal, float64(y)+diagonal),
				a[y*alignedW+x-2], a.between(float64(x)-diagonal, float64(y)-diagonal),
				a[(y-2)*alignedW+x], a.between(float64(x)+diagonal, float64(y)-diagonal),
			}
			var code uint8
			for bit, neighbour := range ring {
				if neighbour >= here {
					code |= 1 << bit
				}
			}
			cells[(y-margin)/cell*gridW+(x-margin)/cell][binOf[code]]++
		}
	}
	return cells
}

// between is the grey between four pixels; (x, y) must lie inside.
func (a *aligned) between(x, y float64) float64 {
	left, top := int(x), int(y)
	fx, fy := x-float64(left), y-float64(top)
	i := top*alignedW + left
	return (a[i]*(1-fx)+a[i+1]*fx)*(1-fy) + (a[i+alignedW]*(1-fx)+a[i+alignedW+1]*fx)*fy
}
