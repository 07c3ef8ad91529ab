package face

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// MaxPixels is the largest picture Decode accepts: 16 million pixels, more than the 12
// million of a usual telephone. At the worst, as a progressive JPEG, such a picture costs
// about 250 MB while it is decoded.
const MaxPixels = 16_000_000

// What may be wrong with the bytes of a picture, beside being damaged.
var (
	ErrFormat   = errors.New("neither a png nor a jpeg")
	ErrTooLarge = errors.New("too many pixels")
)

// format is a way to write pictures, known by its first bytes.
//
// image.Decode would do the same for whatever formats the programme happens to have
// linked in, and so would begin to take GIF because of somebody else's import.
type format struct {
	name, magic string
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"jpeg", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
}

// Decode reads a PNG or a JPEG. The header is read first: a few bytes that promise a
// picture of more than MaxPixels are refused with ErrTooLarge before any memory is
// given to them (F2). Bytes that are something else are refused with ErrFormat.
func Decode(b []byte) (image.Image, error) {
	for _, f := range formats {
		if bytes.HasPrefix(b, []byte(f.magic)) {
			return f.read(b)
		}
	}
	return nil, fmt.Errorf("decode picture of %d bytes: %w", len(b), ErrFormat)
}

func (f format) read(b []byte) (image.Image, error) {
	head, err := f.config(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("decode header of %s of %d bytes: %w", f.name, len(b), err)
	}
	// Divided, since a product of two headers' numbers may wrap round to something small.
	if head.Width <= 0 || head.Height <= 0 || head.Width > MaxPixels/head.Height {
		return nil, fmt.Errorf("decode %s of %d by %d pixels: %w, at most %d", f.name, head.Width, head.Height, ErrTooLarge, MaxPixels)
	}
	img, err := f.decode(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("decode %s of %d by %d pixels: %w", f.name, head.Width, head.Height, err)
	}
	return img, nil
}
