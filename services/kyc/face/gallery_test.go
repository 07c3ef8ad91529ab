package face_test

import (
	"flag"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

// A larger gallery gives finer figures and takes longer: go test -run Separation -v -people 60
var (
	people = flag.Int("people", kept, "how many people are in the gallery")
	update = flag.Bool("update", false, "paint the pictures in testdata anew")
)

const (
	kept  = 12 // people whose pictures are in testdata: painting them takes most of a test's time
	shots = 3  // selfies of each
)

// sitting is the pictures of one person, and what the detector makes of them.
type sitting struct {
	portrait exhibit
	selfies  [shots]exhibit
}

type exhibit struct {
	img      image.Image
	found    face.Face
	template face.Template
	wave     *face.Wave
	err      error
}

// gallery describes everybody once for all tests.
var gallery = sync.OnceValue(func() []sitting {
	all := make([]sitting, *people)
	var guides sync.WaitGroup
	for person := range all {
		guides.Go(func() {
			all[person].portrait = exhibited(person, passport)
			for shot := range shots {
				all[person].selfies[shot] = exhibited(person, shot)
			}
		})
	}
	guides.Wait()
	return all
})

// passport is the shot that is no selfie.
const passport = -1

// exhibited is a picture as it arrives: through a JPEG.
func exhibited(person, shot int) (e exhibit) {
	var b []byte
	if b, e.err = picture(person, shot); e.err != nil {
		return e
	}
	if e.img, e.err = face.Decode(b); e.err != nil {
		return e
	}
	e.found, e.template, e.wave, e.err = detector().Describe(e.img)
	return e
}

// picture is taken out of testdata, or painted.
func picture(person, shot int) ([]byte, error) {
	if person >= kept {
		return painted(person, shot)
	}
	if !*update {
		return os.ReadFile(file(person, shot))
	}
	b, err := painted(person, shot)
	if err != nil {
		return nil, err
	}
	return b, os.WriteFile(file(person, shot), b, 0o644)
}

func file(person, shot int) string {
	if shot == passport {
		return fmt.Sprintf("testdata/people/%02d-portrait.jpg", person)
	}
	return fmt.Sprintf("testdata/people/%02d-selfie-%d.jpg", person, shot)
}

func painted(person, shot int) ([]byte, error) {
	if shot == passport {
		return specimen.Encode(specimen.Portrait(person))
	}
	return specimen.Encode(specimen.Selfie(person, shot))
}

// The pictures in testdata are what package specimen paints: looked up for somebody else
// each time. On another processor family a pixel may differ by one level.
func TestThePicturesAreTheSpecimens(t *testing.T) {
	for _, shot := range []int{passport, rand.IntN(shots)} {
		person := rand.IntN(kept)
		b, err := painted(person, shot)
		if err != nil {
			t.Fatal(err)
		}
		want, err := face.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		got := exhibited(person, shot)
		if got.err != nil {
			t.Fatal(got.err)
		}
		if off := furthest(got.img, want); off > 8 {
			t.Errorf("%s differs by up to %d levels from what is painted; paint all with -update, if that is what was meant", file(person, shot), off)
		}
	}
}

// furthest is the largest difference of two pictures in one colour, in levels of 255.
func furthest(a, b image.Image) (most int) {
	if a.Bounds() != b.Bounds() {
		return 255
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, pair := range [3][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
				most = max(most, abs(int(pair[0]>>8)-int(pair[1]>>8)))
			}
		}
	}
	return most
}

// each calls a test for every picture of the gallery.
func each(t *testing.T, test func(t *testing.T, e exhibit)) {
	for person, sitting := range gallery() {
		t.Run(fmt.Sprintf("person %d portrait", person), func(t *testing.T) { test(t, sitting.portrait) })
		for shot, selfie := range sitting.selfies {
			t.Run(fmt.Sprintf("person %d selfie %d", person, shot), func(t *testing.T) { test(t, selfie) })
		}
	}
}

// detector is shared by all tests, as it would be by all of a programme.
var detector = sync.OnceValue(func() *face.Detector {
	d, err := face.NewDetector()
	if err != nil {
		panic(err)
	}
	return d
})
