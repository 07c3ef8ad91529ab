// Package specimen paints portraits of people who do not exist.
//
// A programme that checks identities needs faces to try itself on, and nobody's
// real face belongs in a repository. So every picture here is computed: a person is
// a number, the number is a seed, and the seed chooses the width of a jaw, the
// distance of two eyes, the colour of hair. The head is a relief (a height for
// each point of the face), a lamp shines on it, and a camera looks from in front.
// That is enough light and shade for a detector trained on photographs to find
// one face in each picture.
//
//	passport := specimen.Portrait(3)   // frontal, evenly lit, plain backdrop
//	phone    := specimen.Selfie(3, 0)  // the same person: turned, tilted, smiling
//	stranger := specimen.Selfie(4, 0)
//	wall     := specimen.Blank()       // nobody at all
//
// The same number gives the same person for ever; on another processor family
// a pixel may differ by one level, because some of them fuse multiply and add.
//
// It is deliberately not a model of humankind. These people hold still, wear no
// glasses and never age; a figure measured on them says that a programme works,
// not how well it would do on you.
package specimen

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

// Portrait is the passport picture of a person: 180 by 220 pixels, frontal, with hardly a smile.
// Every number, also a negative one, is somebody.
func Portrait(person int) image.Image {
	scene := passport()
	return scene.expose(seat(born(person), scene).seen)
}

// Selfie is a picture the person took of themself, 200 by 220 pixels. Each shot has
// its own distance, tilt, turn of the head, smile, lamp, room and grain.
func Selfie(person, shot int) image.Image {
	scene := phone(person, shot)
	return scene.expose(seat(born(person), scene).seen)
}

// Blank is the wall behind a selfie, with nobody before it: 200 by 220 pixels.
func Blank() image.Image {
	return phone(0, 0).expose(nobody)
}

// Encode gives the picture as a JPEG of quality 80. A specimen takes less than
// 8 KiB, so that it fits into an event in base64 with room to spare.
func Encode(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 80}); err != nil {
		return nil, fmt.Errorf("encode specimen of %v as jpeg: %w", img.Bounds().Size(), err)
	}
	return out.Bytes(), nil
}
