package face

import (
	"fmt"
	"image"
	"math"
)

// Face is a face in a picture, in the picture's own coordinates.
type Face struct {
	Box     image.Rectangle // from the brow to the chin, from cheek to cheek
	Eyes    *Eyes           // nil when the pupils were not found for sure
	Quality float64         // score of the detector: 25 at the least, about 1000 for a good photograph
}

// Eyes are the pupils, named as the picture shows them: Left is nearer to its left edge.
type Eyes struct{ Left, Right Point }

// Point is a place in a picture, finer than a pixel.
type Point struct{ X, Y float64 }

// Find returns the one face in the picture. No face is ErrNoFace; a second face at
// least half as large as the clearest is ErrSeveralFaces.
func (d *Detector) Find(img image.Image) (Face, error) {
	s, err := d.look(img)
	if err != nil {
		return Face{}, fmt.Errorf("find face in picture of %v: %w", img.Bounds().Size(), err)
	}
	return d.face(s), nil
}

// sight is a picture with its one face found, of which there is more to say.
type sight struct {
	raster
	found
	bounds image.Rectangle // of the picture
}

func (d *Detector) look(img image.Image) (sight, error) {
	r := rasterOf(img)
	f, err := d.locate(r)
	return sight{r, f, img.Bounds()}, err
}

func (d *Detector) face(s sight) Face {
	half := s.size / 2
	low := s.onPicture(Point{s.middle.X - half, s.middle.Y - half})
	high := s.onPicture(Point{s.middle.X + half, s.middle.Y + half})
	face := Face{
		Box:     image.Rect(round(low.X), round(low.Y), round(high.X), round(high.Y)).Intersect(s.bounds),
		Quality: s.score,
	}
	if eyes, sure := d.pupils.pair(s.raster, s.found); sure {
		face.Eyes = &Eyes{s.onPicture(eyes.Left), s.onPicture(eyes.Right)}
	}
	return face
}

func round(x float64) int { return int(math.Round(x)) }

// found is a face on a raster, a square around its middle.
type found struct {
	middle      Point
	size, score float64
}

// repeats says whether f is nobody beside g, a clearer face: the same one again, since
// clusters of windows come in pieces, or a ghost of it.
func (f found) repeats(g found) bool {
	apart := math.Hypot(f.middle.X-g.middle.X, f.middle.Y-g.middle.Y)
	return apart < 0.5*max(f.size, g.size) || f.size < bystander*g.size
}

// guess is where the eyes of an ordinary face are in its box.
func (f found) guess() Eyes {
	y := f.middle.Y - 0.05*f.size
	return Eyes{
		Left:  Point{f.middle.X - 0.20*f.size, y},
		Right: Point{f.middle.X + 0.20*f.size, y},
	}
}
