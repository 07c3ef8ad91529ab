package face

import (
	"image"
	"math"

	"golang.org/x/image/draw"
)

// raster is the picture the package works on: grey, and no larger than it needs.
type raster struct {
	pixels []uint8 // row by row
	w, h   int

	origin image.Point // where the picture's own coordinates begin
	scale  float64     // pixels of the picture for one of the raster
}

// longest is the longer side of a raster. A face that fills a sixth of it still has
// more pixels than its description uses.
const longest = 512

func rasterOf(img image.Image) raster {
	bounds := img.Bounds()
	r := raster{w: bounds.Dx(), h: bounds.Dy(), origin: bounds.Min, scale: 1}
	if side := max(r.w, r.h); side > longest {
		r.scale = float64(side) / longest
		r.w = max(1, int(math.Round(float64(r.w)/r.scale)))
		r.h = max(1, int(math.Round(float64(r.h)/r.scale)))
	}

	small := image.NewRGBA(image.Rect(0, 0, r.w, r.h))
	draw.BiLinear.Scale(small, small.Bounds(), img, bounds, draw.Src, nil)
	r.pixels = make([]uint8, r.w*r.h)
	for i := range r.pixels {
		p := small.Pix[4*i:]
		// Rec. 601, as the cascades were trained.
		r.pixels[i] = uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
	}
	return r
}

// at is the grey at (x, y), mixed from the four pixels around. Beyond the edge the
// edge goes on.
func (r raster) at(x, y float64) float64 {
	x = min(max(x, 0), float64(r.w-1))
	y = min(max(y, 0), float64(r.h-1))
	left, top := int(x), int(y)
	right, bottom := min(left+1, r.w-1), min(top+1, r.h-1)
	fx, fy := x-float64(left), y-float64(top)
	upper := float64(r.pixels[top*r.w+left])*(1-fx) + float64(r.pixels[top*r.w+right])*fx
	lower := float64(r.pixels[bottom*r.w+left])*(1-fx) + float64(r.pixels[bottom*r.w+right])*fx
	return upper*(1-fy) + lower*fy
}

// onPicture gives the place of the picture that lies under a place of the raster.
func (r raster) onPicture(p Point) Point {
	return Point{p.X*r.scale + float64(r.origin.X), p.Y*r.scale + float64(r.origin.Y)}
}
