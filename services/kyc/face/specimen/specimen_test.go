package specimen_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"sync"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

var update = flag.Bool("update", false, "paint testdata/people.jpg anew")

// The people are kept by number in other programmes' stories: whoever changes the way they
// are born or painted turns everybody into somebody else. Look at the picture, then
// paint it anew with -update, if that is what was meant.
func TestEverybodyIsStillThemself(t *testing.T) {
	const file = "testdata/people.jpg"
	sheet := image.NewRGBA(image.Rect(0, 0, sitters*200, 2*220))
	for person, p := range people() {
		x := person * 200
		draw.Draw(sheet, image.Rect(x+10, 0, x+190, 220), p.portrait, image.Point{}, draw.Src)
		draw.Draw(sheet, image.Rect(x, 220, x+200, 440), p.selfie, image.Point{}, draw.Src)
	}
	if *update {
		b, err := specimen.Encode(sheet)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	// The JPEG itself differs from what went into it by about 2 levels, another person
	// by 10 and more.
	for person := range sitters {
		column := image.Rect(person*200, 0, person*200+200, 440)
		if d := difference(sheet, want, column); d > 3 {
			t.Errorf("person %d differs from %s by %.1f levels a pixel", person, file, d)
		}
	}
}

func TestPeopleAndShotsDiffer(t *testing.T) {
	frame := image.Rect(0, 0, 180, 220)
	somebody, another := people()[4], people()[5]
	if d := difference(somebody.selfie, specimen.Selfie(4, 0), frame); d != 0 {
		t.Errorf("one shot, painted twice, differs by %.1f levels", d)
	}
	if d := difference(somebody.portrait, another.portrait, frame); d < 10 {
		t.Errorf("two people differ by %.1f levels only", d)
	}
	if d := difference(somebody.selfie, specimen.Selfie(4, 1), frame); d < 10 {
		t.Errorf("two shots differ by %.1f levels only", d)
	}
}

func TestPicturesAreSmallEnoughForAnEvent(t *testing.T) {
	pictures := map[string]image.Image{
		"portrait of person -1":          specimen.Portrait(-1),
		"selfie of person -1 in shot -1": specimen.Selfie(-1, -1),
	}
	for person, p := range people() {
		pictures[fmt.Sprintf("portrait of person %d", person)] = p.portrait
		pictures[fmt.Sprintf("selfie of person %d", person)] = p.selfie
	}
	for name, img := range pictures {
		b, err := specimen.Encode(img)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) >= 8<<10 {
			t.Errorf("the %s takes %d bytes, want less than 8 KiB", name, len(b))
		}
	}
}

const sitters = 6

type pictures struct{ portrait, selfie image.Image }

// people are painted once for all tests: that takes most of their time.
var people = sync.OnceValue(func() (all [sitters]pictures) {
	var painters sync.WaitGroup
	for person := range all {
		painters.Go(func() { all[person] = pictures{specimen.Portrait(person), specimen.Selfie(person, 0)} })
	}
	painters.Wait()
	return all
})

// difference is the mean distance of two pictures in levels of 255.
func difference(a, b image.Image, within image.Rectangle) float64 {
	sum := 0.0
	for y := within.Min.Y; y < within.Max.Y; y++ {
		for x := within.Min.X; x < within.Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, pair := range [3][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
				sum += float64(max(pair[0], pair[1])-min(pair[0], pair[1])) / 257
			}
		}
	}
	return sum / float64(3*within.Dx()*within.Dy())
}
