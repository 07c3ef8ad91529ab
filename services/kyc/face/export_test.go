package face

import "image"

// Wave is what Quick compares.
type Wave = waves

// Describe is Find, Template and half of Quick, but looks at the picture once: looking is
// what takes the time of the tests.
func (d *Detector) Describe(img image.Image) (Face, Template, *Wave, error) {
	s, err := d.look(img)
	if err != nil {
		return Face{}, Template{}, nil, err
	}
	return d.face(s), d.template(s), s.waves(), nil
}

func (w *waves) Likeness(other *Wave) float64 { return w.correlation(other) }
