package specimen

import "math/rand/v2"

// person is everything that stays the same from one picture to the next.
//
// Lengths are in units of the face: the chin is at v = 1, u grows to the right of
// the picture and v downwards, and the middle between brow and mouth is at the origin.
type person struct {
	seed uint64

	headW, crown, jaw, chin float64 // half width; top of the skull; how much it narrows; how pointed
	cheek, ridge            float64 // cheekbones and brow ridge, in height
	ears                    float64

	eyeV, eyeGap, eyeW, eyeOpen, eyeTilt, iris float64 // eyeGap is from the nose to one pupil
	browLift, browThick, browArc, browTilt     float64
	noseV, noseW, noseH                        float64
	mouthV, mouthW, upperLip, lowerLip         float64

	hairline, hairVolume, hairPart float64
	cut                            cut
	beard                          beard
	stubble, freckles              float64

	skin, hair, eyes, shirt tone
}

// cut is how somebody wears their hair.
type cut int

const (
	short cut = iota
	parted
	fringe
	long
	curly
	bald
	cuts
)

// beard is what grows below the nose.
type beard int

const (
	shaven beard = iota
	moustache
	goatee
	full
)

var (
	// From fair to dark: the darker the skin, the fewer of the lighter hairs go with it.
	skins  = []uint32{0xf3d3bd, 0xeac0a0, 0xe0ac86, 0xd2986f, 0xbd8159, 0xa56c48, 0x8a5739}
	hairs  = []uint32{0x2a211d, 0x9d9a96, 0x3d2b22, 0x5a3d2a, 0x7b5433, 0x8b3f22, 0xa8793f, 0xc9a565}
	irises = []uint32{0x4a2f1d, 0x6b4a2a, 0x4f6d8f, 0x5d7a5a, 0x6f7f8c}
	shirts = []uint32{0x2f4a6b, 0x6b2f3a, 0x38524a, 0x4a4a55, 0x7a6a4a, 0x54406b}
)

// born gives the person of a number. The order of the draws below is the people's
// identity: a new trait is drawn last, or everybody becomes somebody else.
func born(number int) person {
	seed := uint64(number)*0x9e3779b97f4a7c15 + 0x5eed
	draw := rand.New(rand.NewPCG(seed, 0xface))
	between := func(low, high float64) float64 { return low + (high-low)*draw.Float64() }
	oneOf := func(tones []uint32) tone { return hex(tones[draw.IntN(len(tones))]) }

	p := person{
		seed:  seed,
		headW: between(0.67, 0.81), crown: between(1.10, 1.22),
		jaw: between(0.10, 0.38), chin: between(1.95, 2.8),
		cheek: between(0.01, 0.07), ridge: between(0.01, 0.06),
		ears: between(0.8, 1.2),

		eyeV: between(-0.13, -0.02), eyeGap: between(0.27, 0.355),
		eyeW: between(0.125, 0.165), eyeOpen: between(0.044, 0.072),
		eyeTilt: between(-0.10, 0.20), iris: between(0.052, 0.064),

		browLift: between(0.15, 0.24), browThick: between(0.018, 0.048),
		browArc: between(0.00, 0.09), browTilt: between(-0.15, 0.18),

		noseV: between(0.24, 0.38), noseW: between(0.10, 0.175), noseH: between(0.13, 0.23),

		mouthV: between(0.53, 0.64), mouthW: between(0.20, 0.31),
		upperLip: between(0.028, 0.058), lowerLip: between(0.035, 0.075),

		hairline: between(-0.72, -0.56), hairVolume: between(0.06, 0.17), hairPart: between(-0.4, 0.4),
		cut: cut(draw.IntN(int(cuts))),

		freckles: max(0, between(-1, 0.5)),
		eyes:     oneOf(irises), shirt: oneOf(shirts),
	}
	skin := draw.IntN(len(skins))
	p.skin = hex(skins[skin])
	p.hair = oneOf(hairs[:len(hairs)-skin])
	if draw.IntN(2) == 0 {
		p.beard = []beard{shaven, shaven, moustache, goatee, full}[draw.IntN(5)]
		p.stubble = between(0, 0.25)
	}
	return p
}
