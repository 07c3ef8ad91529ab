package face

import "math"

// aligned is a face brought to one size and one place, eyes level, as grey from 0 to 255.
type aligned [alignedH * alignedW]float64

// The grid of cells that the description counts in, and around it the margin into which
// the patterns of the outermost pixels reach.
const (
	cell      = 14
	gridW     = 6
	gridH     = 7
	margin    = 2
	alignedW  = gridW*cell + 2*margin
	alignedH  = gridH*cell + 2*margin
	eyesApart = 36.0 // pixels between the pupils
	eyesBelow = 32.0 // pixels from the upper edge to the pupils
)

// align cuts the face around the eyes out of the raster.
func align(r raster, eyes Eyes) *aligned {
	// One pixel to the right, in pixels of the raster; one down is that, turned.
	rightX := (eyes.Right.X - eyes.Left.X) / eyesApart
	rightY := (eyes.Right.Y - eyes.Left.Y) / eyesApart
	middle := Point{(eyes.Left.X + eyes.Right.X) / 2, (eyes.Left.Y + eyes.Right.Y) / 2}

	// Where many pixels become one, each takes the mean of enough samples to see them all.
	rays := max(1, int(math.Ceil(math.Hypot(rightX, rightY))))
	var out aligned
	for i := range out {
		sum := 0.0
		for k := range rays * rays {
			dx := float64(i%alignedW) + (float64(k%rays)+0.5)/float64(rays) - alignedW/2
			dy := float64(i/alignedW) + (float64(k/rays)+0.5)/float64(rays) - eyesBelow
			sum += r.at(middle.X+dx*rightX-dy*rightY, middle.Y+dx*rightY+dy*rightX)
		}
		out[i] = sum / float64(rays*rays)
	}
	return &out
}

// unlit takes the light out (Tan and Triggs, "Enhanced Local Texture Feature Sets for Face
// Recognition Under Difficult Lighting Conditions", 2010): gamma lifts the shadows, the
// difference of two blurs drops what changes slowly, and the contrast is evened out
// twice, the second time without letting a few glints decide.
func (a *aligned) unlit() *aligned {
	const clip = 10.0
	var out aligned
	for i, grey := range a {
		out[i] = math.Pow(grey/255, 0.2)
	}
	fine, coarse := out.blurred(1), out.blurred(2)
	for i := range out {
		out[i] = fine[i] - coarse[i]
	}
	for _, bound := range []float64{math.Inf(1), clip} {
		contrast := out.contrast(bound)
		if contrast < 1e-9 {
			return &aligned{} // all one grey: nothing to describe
		}
		for i := range out {
			out[i] /= contrast
		}
	}
	for i, x := range out {
		out[i] = clip * math.Tanh(x/clip)
	}
	return &out
}

// contrast is a mean of how far the pixels are from zero, each counted up to a bound.
// The small power lets the many weak edges of a face weigh as much as the few strong.
func (a *aligned) contrast(bound float64) float64 {
	const power = 0.1
	sum := 0.0
	for _, x := range a {
		sum += math.Pow(min(math.Abs(x), bound), power)
	}
	return math.Pow(sum/float64(len(a)), 1/power)
}

// blurred is the picture under a bell of the given width, in pixels; edges go on.
func (a *aligned) blurred(sigma float64) *aligned {
	reach := int(math.Ceil(3 * sigma))
	bell := make([]float64, 2*reach+1)
	sum := 0.0
	for i := range bell {
		x := float64(i-reach) / sigma
		bell[i] = math.Exp(-x * x / 2)
		sum += bell[i]
	}
	var across, out aligned
	for i := range across {
		y, x := i/alignedW, i%alignedW
		for k, weight := range bell {
			across[i] += weight / sum * a[y*alignedW+min(max(x+k-reach, 0), alignedW-1)]
		}
	}
	for i := range out {
		y, x := i/alignedW, i%alignedW
		for k, weight := range bell {
			out[i] += weight / sum * across[min(max(y+k-reach, 0), alignedH-1)*alignedW+x]
		}
	}
	return &out
}
