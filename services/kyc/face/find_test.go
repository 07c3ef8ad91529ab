package face_test

import (
	"errors"
	"image"
	"image/color"
	"math"
	"sync"
	"testing"

	"golang.org/x/image/draw"

	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

func TestEverySpecimenHasOneFaceWithTwoEyes(t *testing.T) {
	blind := 0
	each(t, func(t *testing.T, e exhibit) {
		if e.err != nil {
			t.Fatal(e.err)
		}
		f := e.found
		if f.Box.Dx() < 70 || !f.Box.In(e.img.Bounds()) {
			t.Errorf("box %v in a picture of %v", f.Box, e.img.Bounds())
		}
		if f.Quality < 50 {
			t.Errorf("quality %.0f: the detector hardly believes this face", f.Quality)
		}
		if f.Eyes == nil {
			blind++
			return
		}
		for _, eye := range []face.Point{f.Eyes.Left, f.Eyes.Right} {
			if !image.Pt(int(eye.X), int(eye.Y)).In(f.Box) {
				t.Errorf("eye %v outside of box %v", eye, f.Box)
			}
		}
	})
	if blind > len(gallery())/12 {
		t.Errorf("pupils not found in %d of %d pictures", blind, len(gallery())*(1+shots))
	}
}

// F3: no face and several faces are errors by name.
func TestPicturesThatHaveNoAnswer(t *testing.T) {
	one, two := gallery()[0].portrait.img, gallery()[1].portrait.img
	flat := image.NewUniform(color.Gray{128})
	tests := []struct {
		name string
		img  image.Image
		want error
	}{
		{"a wall", specimen.Blank(), face.ErrNoFace},
		{"one grey", card(300, 300, pasted{flat, image.Rect(0, 0, 300, 300)}), face.ErrNoFace},
		{"nothing at all", image.NewGray(image.Rectangle{}), face.ErrNoFace},
		{"a single pixel", image.NewGray(image.Rect(0, 0, 1, 1)), face.ErrNoFace},
		{"a thread", image.NewGray(image.Rect(0, 0, 200_000, 1)), face.ErrNoFace},
		{"a face upside down", card(180, 220, pasted{upsideDown{one}, image.Rect(0, 0, 180, 220)}), face.ErrNoFace},
		{"two people", card(400, 240, pasted{one, image.Rect(10, 10, 190, 230)}, pasted{two, image.Rect(210, 10, 390, 230)}), face.ErrSeveralFaces},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := detector().Find(test.img); !errors.Is(err, test.want) {
				t.Errorf("find: %v, want %v", err, test.want)
			}
			if _, err := detector().Template(test.img); !errors.Is(err, test.want) {
				t.Errorf("template: %v, want %v", err, test.want)
			}
			if _, err := detector().Quick(test.img, one); !errors.Is(err, test.want) {
				t.Errorf("quick: %v, want %v", err, test.want)
			}
		})
	}
	if _, err := detector().Quick(one, tests[0].img); !errors.Is(err, tests[0].want) {
		t.Errorf("quick, as the second picture: %v, want %v", err, tests[0].want)
	}
}

// An identity card has a portrait on the left and a small ghost of it on the right.
func TestTheGhostOnACardIsNoSecondPerson(t *testing.T) {
	holder := gallery()[4]
	idCard := card(640, 400,
		pasted{holder.portrait.img, image.Rect(30, 90, 210, 310)},
		pasted{holder.portrait.img, image.Rect(540, 250, 610, 336)})
	f, err := detector().Find(idCard)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Box.In(image.Rect(30, 90, 210, 310)) {
		t.Errorf("found the face at %v, not in the portrait", f.Box)
	}
	a, err := detector().Template(idCard)
	if err != nil {
		t.Fatal(err)
	}
	if s := face.Similarity(a, holder.selfies[0].template); s < face.Match {
		t.Errorf("the card and its holder: similarity %.2f, want %.2f at least", s, face.Match)
	}
}

// A picture may be large, and its coordinates need not begin at zero.
func TestCoordinatesAreThePicturesOwn(t *testing.T) {
	small := gallery()[4].portrait.img
	near, err := detector().Find(small)
	if err != nil {
		t.Fatal(err)
	}
	const times, x0, y0 = 6, 1000, -500
	large := image.NewRGBA(image.Rect(x0, y0, x0+180*times, y0+220*times))
	draw.BiLinear.Scale(large, large.Bounds(), small, small.Bounds(), draw.Src, nil)
	far, err := detector().Find(large)
	if err != nil {
		t.Fatal(err)
	}
	if near.Eyes == nil || far.Eyes == nil {
		t.Fatal("no pupils found")
	}
	want := face.Point{X: near.Eyes.Left.X*times + x0, Y: near.Eyes.Left.Y*times + y0}
	if off := math.Hypot(far.Eyes.Left.X-want.X, far.Eyes.Left.Y-want.Y); off > 4*times {
		t.Errorf("left eye at %.0f, want %.0f", far.Eyes.Left, want)
	}
	middle := far.Box.Min.Add(far.Box.Max).Div(2)
	if off := middle.Sub(near.Box.Min.Add(near.Box.Max).Div(2).Mul(times).Add(image.Pt(x0, y0))); max(abs(off.X), abs(off.Y)) > 6*times {
		t.Errorf("box %v: its middle is off by %v", far.Box, off)
	}
}

// F1: the same picture gives the same answer, also to many at once.
func TestTheSameBytesGiveTheSameAnswer(t *testing.T) {
	selfie := gallery()[2].selfies[1]
	var askers sync.WaitGroup
	for range 6 {
		askers.Go(func() {
			got, err := detector().Template(selfie.img)
			if err != nil {
				t.Error(err)
			}
			if got != selfie.template {
				t.Error("a second look gave another template")
			}
		})
	}
	askers.Wait()
}

type pasted struct {
	img image.Image
	at  image.Rectangle
}

// card is a pale picture with others pasted into it.
func card(w, h int, pictures ...pasted) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{222, 230, 226, 255}), image.Point{}, draw.Src)
	for _, p := range pictures {
		if p.img.Bounds().Size() == p.at.Size() || p.img.Bounds().Dx() > 10_000 {
			draw.Draw(img, p.at, p.img, p.img.Bounds().Min, draw.Src)
			continue
		}
		draw.BiLinear.Scale(img, p.at, p.img, p.img.Bounds(), draw.Src, nil)
	}
	return img
}

type upsideDown struct{ image.Image }

func (u upsideDown) At(x, y int) color.Color {
	b := u.Bounds()
	return u.Image.At(x, b.Max.Y-1-(y-b.Min.Y))
}

func abs(x int) int { return max(x, -x) }
