package specimen

import "math"

// headHalf is half the width of the head at height v: a skull above, a jaw that
// narrows below the cheekbones.
func (p *person) headHalf(v float64) float64 {
	return p.headW * (1 - p.jaw*step(0.05, 1.05, v))
}

// dome is how square a skull is seen from in front: 2 would be an egg.
const dome = 2.25

// rim is 0 in the middle of the face and 1 on its outline.
func (p *person) rim(u, v float64) float64 {
	x := math.Abs(u) / p.headHalf(v)
	if v < 0 {
		return math.Pow(math.Pow(x, dome)+math.Pow(-v/p.crown, dome), 1/dome)
	}
	// The exponent is the chin: the larger, the squarer.
	return math.Pow(math.Pow(x, p.chin)+math.Pow(v, p.chin), 1/p.chin)
}

// beyond says of a place, without much work, that its rim is certainly more than r: a
// rim is never less than the larger of the two parts it is made of.
func (p *person) beyond(u, v, r float64) bool {
	const doubt = 1e-6 // of the powers, as they are computed
	down := v
	if v < 0 {
		down = -v / p.crown
	}
	return max(math.Abs(u)/p.headHalf(v), down) > r+doubt
}

// height is how far the face stands out towards the camera at (u, v), in face units.
func (p *person) height(u, v, smile float64) float64 {
	side := math.Abs(u)
	z := 0.0
	if !p.beyond(u, v, 1) {
		z = 0.72 * math.Sqrt(1-math.Pow(min(p.rim(u, v), 1), 2.6))
	}

	z += p.ridge * bump(u/0.5, (v-p.eyeV+p.browLift)/0.12)
	z -= 0.075 * bump((side-p.eyeGap*0.92)/0.17, (v-p.eyeV+0.03)/0.12)
	z += 0.045 * bump((side-p.eyeGap)/0.12, (v-p.eyeV)/0.075)
	z += (p.cheek + 0.03*smile) * bump((side-0.40)/0.20, (v-0.22+0.05*smile)/0.16)

	z += p.nose(u, v)

	mouth := v - p.mouthAt(u, smile)
	half := p.mouthWidth(smile)
	z += 0.05 * bump(u/0.34, (v-p.mouthV)/0.22)
	z += 0.040 * bump(u/(half*0.72), (mouth+p.upperLip*0.55)/(p.upperLip*1.1))
	z += 0.060 * bump(u/(half*0.66), (mouth-p.lowerLip*0.6)/(p.lowerLip*1.0))
	z -= 0.02 * bump(u/(half*0.8), mouth/0.02)
	z -= 0.035 * bump(u/0.22, (mouth-p.lowerLip*1.9)/0.05)
	z += 0.06 * bump(u/0.20, (v-0.88)/0.12)

	// The fold from the wing of the nose to the corner of the mouth.
	fold := side - mix(p.noseW*1.15, half*1.12, (v-p.noseV)/(p.mouthV-p.noseV))
	z -= (0.012 + 0.022*smile) * bump(fold/0.035, (v-(p.noseV+p.mouthV)/2)/0.14)
	return z
}

// nose is a ridge that rises and widens from between the eyes, ends in a tip, and
// has a wing on either side.
func (p *person) nose(u, v float64) float64 {
	along := (v - p.eyeV + 0.06) / (p.noseV - p.eyeV + 0.06)
	if along < 0 || along > 1.5 {
		return 0
	}
	rise := p.noseH * math.Pow(min(along, 1), 1.4) * step(1.22, 0.96, along)
	width := mix(0.075, p.noseW*0.78, min(along, 1))
	ridge := rise * bump(u/width, 0)
	wing := 0.35 * p.noseH * bump((math.Abs(u)-p.noseW*0.78)/(p.noseW*0.36), (v-p.noseV+0.01)/0.06)
	return ridge + wing
}

// mouthAt is the height of the line between the lips at u: a smile lifts its corners.
func (p *person) mouthAt(u, smile float64) float64 {
	x := u / p.mouthWidth(smile)
	return p.mouthV - (0.012+0.055*smile)*min(x*x, 1.6) - 0.010*bump(u/0.05, 0)
}

func (p *person) mouthWidth(smile float64) float64 { return p.mouthW * (1 + 0.16*smile) }

// shade is what hollows keep of the light of the room, 0 to 1: under the brow, beside
// and under the nose, under the lip, along the outline.
func (p *person) shade(u, v, rim float64) float64 {
	side := math.Abs(u)
	dark := 0.26 * bump((side-p.eyeGap*0.86)/0.19, (v-p.eyeV+0.055)/0.085)
	dark += 0.14 * bump((side-p.eyeGap)/0.15, (v-p.eyeV-0.105)/0.04)
	dark += 0.18 * bump((side-p.noseW*0.95)/0.05, (v-p.noseV+0.12)/0.16)
	dark += 0.34 * bump(u/(p.noseW*1.05), (v-p.noseV-0.055)/0.04)
	dark += 0.22 * bump(u/0.17, (v-p.mouthV-p.lowerLip*1.75)/0.045)
	dark += 0.22 * step(0.80, 1.0, rim)
	return 1 - dark
}
