package specimen

import "math"

// sitting is a person before the camera in one scene.
type sitting struct {
	person
	scene
	*plaster
	sin, cos float64 // of the turn of the head
	toLamp   [3]float64
	toShine  [3]float64 // between lamp and camera: who looks there glistens
}

func seat(p person, s scene) *sitting {
	sin, cos := math.Sincos(s.yaw)
	lamp := unit(s.lamp)
	return &sitting{
		person: p, scene: s, plaster: castOf(&p, s.smile), sin: sin, cos: cos,
		toLamp: lamp, toShine: unit([3]float64{lamp[0], lamp[1], lamp[2] + 1}),
	}
}

// layers is a pile of colours, the last on top.
type layers struct {
	colour tone
	cover  float64
}

func (l *layers) lay(t tone, share float64) {
	if share <= 0 {
		return
	}
	cover := share + l.cover*(1-share)
	l.colour = l.colour.towards(t, share/cover)
	l.cover = cover
}

// seen is a sight: hair behind, neck and shirt, ears, the head, hair before it.
func (s *sitting) seen(u, v float64) (tone, float64) {
	var pile layers
	behind := s.behind(u, v)
	if behind > 0 {
		pile.lay(s.paintHair(u, v).times(0.62+0.25*s.glow(u, v)), behind)
	}
	s.bust(&pile, u, v)
	if s.cut != long {
		s.ear(&pile, u, v)
	}
	if math.Abs(u) > 1.2 || v < -1.6 || v > 1.3 {
		return pile.colour, pile.cover
	}

	u = s.turned(u, v)
	edge := 1.2 / s.unit
	head := 0.0
	if !s.beyond(u, v, 1+edge) {
		rim := s.rim(u, v)
		if head = step(1+edge, 1-edge, rim); head > 0 {
			pile.lay(s.lit(u, v, rim), head)
		}
	}
	fall := max(head, behind)
	if fall > 0 {
		fall *= s.before(u, v)
	}
	if fall > 0 {
		pile.lay(s.paintHair(u, v).times(0.60+0.55*s.glow(u, v)), fall)
	}
	return pile.colour, pile.cover
}

// turned is the u of the face that a turn of the head brought to u of the picture.
// What stands out moves furthest; two rounds of looking come close enough.
func (s *sitting) turned(u, v float64) float64 {
	const axis = 0.45 // the neck lies behind what neither moves left nor right
	at := u
	for range 2 {
		at = (u - (s.at(at, v)-axis)*s.sin) / s.cos
	}
	return at
}

// lit is the colour of the face at (u, v), so near its rim, under the lamp of the scene.
func (s *sitting) lit(u, v, rim float64) tone {
	n := s.normal(u, v)
	// Skin lets light in and out again: the lamp reaches a little around the corner.
	const around = 0.35
	direct := max(0, (dot(n, s.toLamp)+around)/(1+around))
	colour, gloss := s.paint(u, v, rim, s.smile)
	light := s.shade(u, v, rim) * (s.room + (1.08-s.room)*direct)
	shine := gloss * math.Pow(max(0, dot(n, s.toShine)), 18)

	// What is left of the light is red: shadows on skin are warm.
	warm := tone{1, 0.97 + 0.03*direct, 0.94 + 0.06*direct}
	return colour.times(light).through(warm).plus(tone{shine, shine, shine})
}

func (s *sitting) ear(pile *layers, u, v float64) {
	du, dv := (math.Abs(u)-s.headW)/s.ears, (v-s.eyeV-0.16)/s.ears
	shape := step(1.05, 0.92, math.Hypot(du/0.10, dv/0.19))
	hollow := bump(du/0.05, dv/0.11)
	pile.lay(s.skin.times(0.78*(1-0.28*hollow)*(0.75+0.35*s.glow(u, v))), shape)
}

// bust lays the neck and the shirt.
func (s *sitting) bust(pile *layers, u, v float64) {
	if v < 0.4 {
		return
	}
	side := math.Abs(u)
	neck := s.headW * 0.60 * (1 + 0.25*step(1.0, 1.5, v))
	round := math.Sqrt(max(0, 1-side/neck*side/neck))
	under := 0.58 + 0.34*step(0.95, 1.45, v) // the chin keeps the light off
	pile.lay(s.skin.times(under*(0.72+0.28*round)).through(tone{1, 0.96, 0.92}), step(neck+0.02, neck-0.02, side)*step(0.4, 0.5, v))

	shoulder := 1.22 + 0.18*side*side - 0.10*step(0.55, 0.30, side)
	collar := 0.16 * step(0.34, 0, side) // the shirt is cut out at the throat
	fold := 1 + 0.05*grain(u*4, v*4, s.person.seed+8)
	pile.lay(s.shirt.times(fold*(0.80+0.30*s.glow(u, v-1))), step(shoulder+collar-0.02, shoulder+collar+0.02, v))
}

// glow is how bright the lamp makes a big round thing around the face, 0 to 1.
func (s *sitting) glow(u, v float64) float64 {
	return min(max(0.55+0.35*(u*s.toLamp[0]+v*s.toLamp[1]), 0), 1)
}

func unit(a [3]float64) [3]float64 {
	n := math.Sqrt(dot(a, a))
	return [3]float64{a[0] / n, a[1] / n, a[2] / n}
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
