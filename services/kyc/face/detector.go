package face

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	pigo "github.com/esimov/pigo/core"
)

//go:embed cascade/facefinder
var facefinder []byte

//go:embed cascade/puploc
var puploc []byte

// A picture has one face, or it has no answer (F3).
var (
	ErrNoFace       = errors.New("no face found")
	ErrSeveralFaces = errors.New("several faces found")
)

// Detector finds faces. It is read-only once made: any number of goroutines may share it.
type Detector struct {
	faces  *pigo.Pigo
	pupils pupilCascade
}

// NewDetector unpacks the cascades, which are embedded. Do it once: it takes some
// milliseconds and a few megabytes.
func NewDetector() (*Detector, error) {
	faces, err := pigo.NewPigo().Unpack(facefinder)
	if err != nil {
		return nil, fmt.Errorf("unpack cascade facefinder: %w", err)
	}
	pupils, err := unpackPupils(puploc)
	if err != nil {
		return nil, fmt.Errorf("unpack cascade puploc: %w", err)
	}
	return &Detector{faces: faces, pupils: pupils}, nil
}

const (
	// certain is the score from which a cluster of windows counts as a face. The weakest
	// specimen scores above 50 and a photographed face about 1000; the strongest of
	// some two hundred pictures without anybody scored 11.
	certain = 25
	// smallest is the side of the smallest face searched for, in pixels of the raster:
	// below it eyes are smudges, and smudges are alike.
	smallest = 40
	// bystander is the size, against the clearest face, from which another face counts.
	// Identity cards repeat their portrait as a small ghost, which is to be passed over.
	bystander = 0.5
)

// locate finds the box of the one face on the raster. The eyes come later: see pair.
func (d *Detector) locate(r raster) (found, error) {
	short := min(r.w, r.h)
	windows := d.faces.RunCascade(pigo.CascadeParams{
		MinSize:     max(smallest, short/8),
		MaxSize:     short,
		ShiftFactor: 0.06,
		ScaleFactor: 1.08,
		ImageParams: pigo.ImageParams{Pixels: r.pixels, Rows: r.h, Cols: r.w, Dim: r.w},
	}, 0) // upright: pigo's turned search clips columns at the number of rows
	clusters := d.faces.ClusterDetections(windows, 0.2)
	slices.SortFunc(clusters, func(a, b pigo.Detection) int { return cmp.Compare(b.Q, a.Q) })

	var people []found
	for _, c := range clusters {
		f := found{
			middle: Point{float64(c.Col), float64(c.Row)},
			size:   float64(c.Scale),
			score:  float64(c.Q),
		}
		if f.score >= certain && !slices.ContainsFunc(people, f.repeats) {
			people = append(people, f)
		}
	}
	switch len(people) {
	case 0:
		return found{}, ErrNoFace
	case 1:
		return people[0], nil
	default:
		return found{}, fmt.Errorf("%w: %d", ErrSeveralFaces, len(people))
	}
}
