package specimen

import "math"

// tone is a colour as red, green and blue, 0 to 1 each, as the eye would grade it.
type tone struct{ r, g, b float64 }

func hex(rgb uint32) tone {
	return tone{float64(rgb>>16&255) / 255, float64(rgb>>8&255) / 255, float64(rgb&255) / 255}
}

func (t tone) times(k float64) tone { return tone{t.r * k, t.g * k, t.b * k} }

func (t tone) through(filter tone) tone {
	return tone{t.r * filter.r, t.g * filter.g, t.b * filter.b}
}

// towards moves the tone to another: not at all at 0, wholly at 1.
func (t tone) towards(to tone, share float64) tone {
	return tone{mix(t.r, to.r, share), mix(t.g, to.g, share), mix(t.b, to.b, share)}
}

func (t tone) plus(o tone) tone { return tone{t.r + o.r, t.g + o.g, t.b + o.b} }

func mix(a, b, share float64) float64 { return a + (b-a)*share }

// step rises smoothly from 0 at from to 1 at to; with from > to it falls.
func step(from, to, x float64) float64 {
	t := min(max((x-from)/(to-from), 0), 1)
	return t * t * (3 - 2*t)
}

// bump is 1 at the centre and fades like a bell, du and dv measured in its own width
// and height. Beyond three widths it is nothing, which spares most of the work.
func bump(du, dv float64) float64 {
	d := du*du + dv*dv
	if d > 9 {
		return 0
	}
	return math.Exp(-d)
}

// grain is smooth noise, -1 to 1, the same for the same place and seed.
func grain(x, y float64, seed uint64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	tx, ty := step(0, 1, x-fx), step(0, 1, y-fy)
	ix, iy := int64(fx), int64(fy)
	top := mix(speck(ix, iy, seed), speck(ix+1, iy, seed), tx)
	low := mix(speck(ix, iy+1, seed), speck(ix+1, iy+1, seed), tx)
	return mix(top, low, ty)
}

// speck is one grain of noise, -1 to 1: the coordinates stirred as splitmix64 does.
func speck(x, y int64, seed uint64) float64 {
	h := seed + uint64(x)*0x9e3779b97f4a7c15 + uint64(y)*0xd1b54a32d192ed03
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11)/(1<<52) - 1
}
