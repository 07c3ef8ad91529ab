package specimen

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// scene is everything that changes from one picture to the next: where the camera
// stands, how the head is held, which lamp is lit and what hangs on the wall.
type scene struct {
	w, h       int
	x, y, unit float64 // the middle of the face and its unit of length, in pixels
	roll, yaw  float64 // radians: towards a shoulder; to the side
	smile      float64 // 0 neutral, 1 beaming

	lamp     [3]float64 // where the light comes from: right, down, towards the camera
	room     float64    // share of the light that comes from everywhere
	exposure float64
	cast     tone // the colour of the light

	wall  func(x, y float64) tone // x and y run from 0 to 1
	noise float64                 // of the sensor, in levels of 255
	seed  uint64
}

func passport() scene {
	return scene{
		w: 180, h: 220, x: 90, y: 112, unit: 71, smile: 0.15,
		lamp: [3]float64{-0.25, -0.42, 0.87}, room: 0.52, exposure: 1.02, cast: tone{1, 1, 1},
		wall: func(x, y float64) tone {
			return hex(0xd3dae0).times(1.04 - 0.10*math.Hypot(x-0.45, y-0.4))
		},
		noise: 1,
	}
}

func phone(person, shot int) scene {
	seed := uint64(person)*0x2545f4914f6cdd1d + uint64(shot)*0x9e3779b97f4a7c15 + 1
	draw := rand.New(rand.NewPCG(seed, 0x5e1f1e))
	between := func(low, high float64) float64 { return low + (high-low)*draw.Float64() }

	s := scene{
		w: 200, h: 220, seed: seed,
		x: between(90, 110), y: between(108, 120), unit: between(58, 76),
		roll: between(-0.13, 0.13), yaw: between(-0.14, 0.14), smile: between(0.1, 0.8),
		room: between(0.42, 0.62), exposure: between(0.86, 1.12), noise: between(1.5, 3.5),
	}
	across, up := between(-0.75, 0.75), between(-0.55, -0.15)
	s.lamp = [3]float64{across, up, 0.85}
	warm := between(-1, 1)
	s.cast = tone{1 + 0.05*warm, 1, 1 - 0.07*warm}

	// A room out of focus: a wall, darker to one side, a frame and a lamp on it.
	paint := hex([]uint32{0xb7a58f, 0x8fa3ad, 0xa5ab94, 0xb09a9a, 0x8d8f9c}[draw.IntN(5)])
	frameX, lampX, tilt := between(0, 1), between(0, 1), between(-0.3, 0.3)
	s.wall = func(x, y float64) tone {
		t := paint.times(0.92 + tilt*(x-0.5) - 0.12*y)
		frame := step(0.16, 0.12, math.Abs(x-frameX)) * step(0.20, 0.15, math.Abs(y-0.16))
		t = t.towards(paint.times(0.62), 0.7*frame)
		return t.plus(hex(0xffe9c0).times(0.22 * bump((x-lampX)/0.18, (y-0.05)/0.2)))
	}
	return s
}

// sight is what the camera meets at a place, given in units of the face: a colour,
// and how much of the wall it hides.
type sight func(u, v float64) (tone, float64)

// nobody is the sight of an empty room.
func nobody(float64, float64) (tone, float64) { return tone{}, 0 }

// rays is how many samples, across and down, become one pixel.
const rays = 2

// expose takes the picture.
func (s scene) expose(see sight) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, s.w, s.h))
	sin, cos := math.Sincos(s.roll)
	for py := range s.h {
		for px := range s.w {
			var sum tone
			for k := range rays * rays {
				x := float64(px) + (float64(k%rays)+0.5)/rays
				y := float64(py) + (float64(k/rays)+0.5)/rays
				dx, dy := (x-s.x)/s.unit, (y-s.y)/s.unit
				colour, cover := see(dx*cos+dy*sin, dy*cos-dx*sin)
				wall := s.wall(x/float64(s.w), y/float64(s.h))
				sum = sum.plus(wall.towards(colour, cover))
			}
			t := sum.times(s.exposure / (rays * rays)).through(s.cast)
			n := s.noise * (speck(int64(px), int64(py), s.seed) + speck(int64(px), int64(py), s.seed+1))
			img.SetRGBA(px, py, color.RGBA{level(t.r, n), level(t.g, n), level(t.b, n), 255})
		}
	}
	return img
}

func level(x, noise float64) uint8 {
	return uint8(min(max(math.Round(x*255+noise), 0), 255))
}
