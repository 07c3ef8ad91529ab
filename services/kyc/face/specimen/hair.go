package specimen

import "math"

// behind is hair seen past the head: 1 where it hangs, 0 elsewhere.
func (p *person) behind(u, v float64) float64 {
	if p.cut == bald {
		return 0
	}
	volume := p.hairVolume
	if p.cut == curly {
		volume += 0.14 + 0.035*grain(u*9, v*9, p.seed+4)
	}
	x := u / (p.headW + volume)
	y := (v + 0.15) / (p.crown - 0.15 + volume)
	dome := step(1.02, 0.98, math.Hypot(x, y)) * step(0.30, 0.05, v)
	if p.cut == long {
		half := p.headW + volume*1.2 + 0.05*v
		fall := step(half+0.01, half-0.02, math.Abs(u)+0.012*grain(u*3, v*5, p.seed+4)) * step(-0.15, -0.05, v) * step(1.22, 1.10, v)
		return max(dome, fall)
	}
	return dome
}

// before is hair that lies over the face: everything above the hairline.
func (p *person) before(u, v float64) float64 {
	side := math.Abs(u) / p.headW
	edge := p.hairline + 0.42*math.Pow(side, 3.2) // falls to the temples
	ragged := 0.02
	switch p.cut {
	case parted:
		edge += 0.20*math.Abs(u-p.hairPart)/p.headW - 0.06
	case fringe:
		edge += 0.20 * (1 - side*side)
		ragged = 0.035
	case long:
		edge += 0.30*math.Abs(u-p.hairPart*0.5)/p.headW - 0.10
		if side > 0.80 {
			edge = max(edge, mix(edge, 1.1, step(0.80, 0.97, side)))
		}
	case curly:
		ragged = 0.05
	case bald:
		if side < 0.82 {
			return 0
		}
		edge = mix(-0.9, -0.05, step(0.82, 0.95, side))
		if v < -0.55 {
			return 0
		}
	}
	edge += ragged * grain(u*16, v*4, p.seed+5)
	return step(edge+0.02, edge-0.02, v)
}

// paintHair is the colour of hair at (u, v): strands that run from the parting outwards,
// or curls, and a band of light where the skull is roundest.
func (p *person) paintHair(u, v float64) tone {
	around := math.Atan2(u-p.hairPart*0.5, 1.3+v)
	strand := grain(around*38, v*3, p.seed+6)*0.6 + grain(around*90, v*5, p.seed+7)*0.4
	if p.cut == curly {
		strand = grain(u*13, v*13, p.seed+6)*0.7 + grain(u*26, v*26, p.seed+7)*0.3
	}
	band := bump(u/0.7, (v+0.80+0.1*u*u)/0.16)
	return p.hair.times(1 + 0.24*strand).plus(p.hair.towards(hex(0xffffff), 0.3).times(0.30 * band))
}
