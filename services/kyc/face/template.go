package face

import (
	"errors"
	"fmt"
	"image"
)

// Template is what is kept of a face: which patterns its skin, eyes and mouth show in
// each of 42 cells. It can be compared with == and copied; the zero Template is nobody's.
// It is personal data: a face can be searched with it, even if none can be painted.
type Template struct {
	cells [gridW * gridH]histogram
}

// Template describes the one face in the picture. Where the pupils were not found for
// sure the eyes are taken to be where they mostly are, and the description is coarser.
// Errors are those of Find.
func (d *Detector) Template(img image.Image) (Template, error) {
	s, err := d.look(img)
	if err != nil {
		return Template{}, fmt.Errorf("describe face in picture of %v: %w", img.Bounds().Size(), err)
	}
	return d.template(s), nil
}

func (d *Detector) template(s sight) Template {
	eyes, _ := d.pupils.pair(s.raster, s.found)
	return Template{align(s.raster, eyes).unlit().count()}
}

// templateVersion is the first byte of a written template. It changes with whatever
// makes old and new templates incomparable: the grid, the patterns, the light.
const templateVersion = 1

// templateSize is the length of a written template in bytes: the version and 59 counts
// for each cell.
const templateSize = 1 + gridW*gridH*patterns

// ErrTemplate says that bytes are not a template that this version of the package wrote.
var ErrTemplate = errors.New("not a face template")

// MarshalBinary writes the template in 2479 bytes. The zero Template is refused, so
// that nobody stores a face that was never found.
func (t Template) MarshalBinary() ([]byte, error) {
	if t == (Template{}) {
		return nil, fmt.Errorf("marshal template: %w: it is empty", ErrTemplate)
	}
	b := make([]byte, 0, templateSize)
	b = append(b, templateVersion)
	for _, h := range t.cells {
		b = append(b, h[:]...)
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Every pixel of a cell has one pattern:
// counts that do not add up are refused with ErrTemplate, and t stays as it was (F2).
func (t *Template) UnmarshalBinary(b []byte) error {
	if len(b) != templateSize {
		return fmt.Errorf("unmarshal template: %w: %d bytes of %d", ErrTemplate, len(b), templateSize)
	}
	if b[0] != templateVersion {
		return fmt.Errorf("unmarshal template: %w: version %d, not %d", ErrTemplate, b[0], templateVersion)
	}
	var read Template
	for i := range read.cells {
		sum := 0
		for j, n := range b[1+i*patterns:][:patterns] {
			read.cells[i][j] = n
			sum += int(n)
		}
		if sum != cell*cell {
			return fmt.Errorf("unmarshal template: %w: cell %d counts %d pixels of %d", ErrTemplate, i, sum, cell*cell)
		}
	}
	*t = read
	return nil
}
