package specimen

import "math"

// paint is the colour of the face itself at (u, v) before any lamp is lit, and how
// much it shines.
func (p *person) paint(u, v, rim, smile float64) (colour tone, gloss float64) {
	side := math.Abs(u)
	colour = p.skin.times(1 + 0.025*grain(u*7, v*7, p.seed))
	colour = colour.towards(colour.through(hex(0xf08a78)), 0.24*bump((side-0.42)/0.20, (v-0.26)/0.16))
	colour = colour.towards(colour.through(hex(0xf09a88)), 0.22*bump(u/0.12, (v-p.noseV+0.03)/0.09))
	if p.freckles > 0 {
		spots := step(0.35, 0.85, grain(u*30, v*30, p.seed+1)) * bump(u/0.42, (v-0.14)/0.16)
		colour = colour.times(1 - 0.50*p.freckles*spots)
	}
	gloss = 0.10

	colour = colour.towards(p.hair.times(0.9), p.whiskers(u, v, rim, smile))

	lips := p.lips(u, v, smile)
	colour = colour.towards(p.skin.through(hex(0xd87a78)), 0.85*lips)
	gloss += 0.10 * lips
	line := bump(u/(p.mouthWidth(smile)*0.98), 0) * step(0.020, 0.004, math.Abs(v-p.mouthAt(u, smile)))
	if side < p.mouthWidth(smile)*1.02 {
		colour = colour.towards(p.skin.through(hex(0x6a2f30)), 0.9*math.Sqrt(line))
	}

	nostril := step(1.3, 0.5, math.Hypot((side-p.noseW*0.50)/(p.noseW*0.30), (v-p.noseV-0.028)/0.022))
	colour = colour.towards(p.skin.through(hex(0x5a3028)), 0.85*nostril)

	colour, gloss = p.paintEye(colour, gloss, u, v, smile)
	colour = colour.towards(p.hair.times(0.62), p.brow(u, v))
	return colour, gloss
}

// lips is 1 on the lips and 0 beside them.
func (p *person) lips(u, v, smile float64) float64 {
	half := p.mouthWidth(smile)
	x := u / half
	if math.Abs(x) > 1.05 {
		return 0
	}
	open := math.Sqrt(max(0, 1-x*x))
	d := v - p.mouthAt(u, smile)
	bow := p.upperLip * open * (1 - 0.35*bump(u/0.035, 0)) * 1.15
	low := p.lowerLip * open * 1.15
	return step(-bow-0.012, -bow+0.012, d) * step(low+0.014, low-0.014, d)
}

// brow is how thick the eyebrow grows at (u, v).
func (p *person) brow(u, v float64) float64 {
	x := (math.Abs(u) - p.eyeGap) / 0.20 // -1 beside the nose, 1 at the temple
	if x < -1.15 || x > 1.25 {
		return 0
	}
	middle := p.eyeV - p.browLift - p.browArc*(1-x*x) - p.browTilt*0.16*x
	thick := p.browThick * (1.05 - 0.35*x) * step(1.25, 0.8, x) * step(-1.15, -0.70, x)
	hairs := 0.86 + 0.14*grain(u*60, v*25, p.seed+2)
	return hairs * step(thick+0.016, thick*0.45, math.Abs(v-middle))
}

// whiskers is how much of the skin a beard covers.
func (p *person) whiskers(u, v, rim, smile float64) float64 {
	if p.beard == shaven && p.stubble == 0 {
		return 0
	}
	side := math.Abs(u)
	half := p.mouthWidth(smile)
	jaw := step(0.30, 0.55, v+0.25*(side-0.35)) * step(0.40, 0.62, rim)
	lip := step(1.25, 0.9, side/half) * step(p.noseV+0.06, p.noseV+0.12, v) * step(p.mouthV+0.03, p.mouthV-0.01, v)
	chin := step(0.24, 0.15, side) * step(p.mouthV+p.lowerLip*1.3, p.mouthV+p.lowerLip*2, v)
	ring := step(half*1.38, half*1.22, side) * step(half*0.95, half*1.1, side) * step(p.noseV+0.10, p.noseV+0.16, v)

	cover := 0.0
	switch p.beard {
	case moustache:
		cover = lip
	case goatee:
		cover = max(lip, chin, ring)
	case full:
		cover = max(lip, chin, ring, jaw)
	}
	texture := 0.80 + 0.20*grain(u*45, v*30, p.seed+3)
	return max(0.82*cover*texture, p.stubble*max(lip, chin, jaw))
}

// paintEye lays the eye over the skin: the white, the iris with its pupil and a glint,
// the lid with lashes, and the crease above.
func (p *person) paintEye(skin tone, gloss, u, v, smile float64) (tone, float64) {
	du := math.Abs(u) - p.eyeGap
	x := du / p.eyeW
	if math.Abs(x) > 1.5 || math.Abs(v-p.eyeV) > 0.25 {
		return skin, gloss
	}
	dv := v - p.eyeV + p.eyeTilt*du
	almond := max(0, 1-x*x)
	top := -p.eyeOpen * 1.10 * math.Pow(almond, 0.6)
	low := p.eyeOpen * (0.85 - 0.30*smile) * math.Pow(almond, 0.8)

	// A crease above the lid, and the lid itself a little darker than the cheek.
	crease := bump((dv-top+0.045)/0.016, 0) * step(1.15, 0.7, math.Abs(x))
	skin = skin.times(1 - 0.28*crease)

	ball := hex(0xe9e4df).times(1 - 0.25*math.Abs(x)).times(1 - 0.30*step(0.03, 0, dv-top))
	away := math.Hypot(du, dv+0.004)
	ring := p.eyes.times(0.75 + 0.45*step(0.2, 0.9, away/p.iris))
	ring = ring.times(1 - 0.55*step(0.80, 1.0, away/p.iris))
	ball = ball.towards(ring, step(p.iris+0.008, p.iris-0.008, away))
	ball = ball.towards(hex(0x0d0a0a), step(p.iris*0.50, p.iris*0.38, away))
	ball = ball.towards(hex(0xffffff), 0.9*step(0.017, 0.008, math.Hypot(u-math.Copysign(p.eyeGap, u)+0.018, dv+0.022)))

	inside := step(top-0.008, top+0.008, dv) * step(low+0.008, low-0.008, dv)
	if math.Abs(x) > 1 {
		inside = 0
	}
	out := skin.towards(ball, inside)

	lashes := step(0.022, 0.007, math.Abs(dv-top)) * step(1.12, 0.85, math.Abs(x))
	out = out.towards(hex(0x1c1412), 0.88*lashes)
	under := step(0.014, 0.003, math.Abs(dv-low)) * step(1.0, 0.8, math.Abs(x))
	out = out.towards(skin.times(0.55), 0.5*under)
	return out, gloss * (1 - 0.5*inside)
}
