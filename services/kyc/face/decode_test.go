package face_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

func TestDecodeReadsBothFormats(t *testing.T) {
	img := specimen.Blank()
	for name, b := range map[string][]byte{"png": asPNG(t, img), "jpeg": asJPEG(t, img)} {
		t.Run(name, func(t *testing.T) {
			got, err := face.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			if got.Bounds() != img.Bounds() {
				t.Errorf("bounds %v, want %v", got.Bounds(), img.Bounds())
			}
		})
	}
}

func TestPicturesThatAreRefused(t *testing.T) {
	wall := specimen.Blank()
	var moving bytes.Buffer
	if err := gif.Encode(&moving, wall, nil); err != nil {
		t.Fatal(err)
	}
	whole := asJPEG(t, wall)
	tests := []struct {
		name  string
		bytes []byte
		want  error  // nil: any
		says  string // part of the text
	}{
		{"nothing", nil, face.ErrFormat, "decode picture of 0 bytes"},
		{"garbage", []byte("no picture, only words"), face.ErrFormat, "neither a png nor a jpeg"},
		{"a gif, though linked into this test", moving.Bytes(), face.ErrFormat, "neither a png nor a jpeg"},
		{"a jpeg cut in its header", whole[:20], nil, "decode header of jpeg of 20 bytes"},
		{"a jpeg cut in the middle", whole[:len(whole)/2], nil, "decode jpeg of 200 by 220 pixels"},
		{"a png that is only its name", []byte("\x89PNG\r\n\x1a\n"), nil, "decode header of png"},
		{"a png bomb", pngHeader(50_000, 50_000), face.ErrTooLarge, "decode png of 50000 by 50000 pixels"},
		{"a png bomb whose product wraps round", pngHeader(1<<16, 1<<16), face.ErrTooLarge, "too many pixels"},
		{"a png one row too large", pngHeader(4000, 4001), face.ErrTooLarge, "at most 16000000"},
		{"a jpeg bomb", jpegHeader(65_500, 65_500), face.ErrTooLarge, "decode jpeg of 65500 by 65500 pixels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := face.Decode(test.bytes)
			runtime.ReadMemStats(&after)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
				t.Errorf("refused, and yet took %d bytes (F2)", used)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	// Small pictures: the fuzzer gets further with them.
	small := image.NewRGBA(image.Rect(0, 0, 48, 48))
	for i := range small.Pix {
		small.Pix[i] = uint8(i * i / 7)
	}
	f.Add(asPNG(f, small))
	f.Add(asJPEG(f, small))
	f.Add(pngHeader(1, 1))
	f.Add(jpegHeader(9, 9))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := face.Decode(b)
		if err != nil {
			if img != nil {
				t.Fatal("an error and a picture")
			}
			return
		}
		w, h := img.Bounds().Dx(), img.Bounds().Dy()
		if w <= 0 || h <= 0 || w*h > face.MaxPixels {
			t.Fatalf("accepted %d by %d pixels", w, h)
		}
		if w*h > 100*100 {
			return // a search for faces in it would take the fuzzer's time
		}
		if _, err := detector().Template(img); err != nil && !errors.Is(err, face.ErrNoFace) && !errors.Is(err, face.ErrSeveralFaces) {
			t.Fatal(err)
		}
	})
}

func asPNG(t testing.TB, img image.Image) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJPEG(t testing.TB, img image.Image) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pngHeader is all of a PNG that promises a size, and nothing that keeps the promise.
func pngHeader(w, h uint32) []byte {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, w)
	chunk = binary.BigEndian.AppendUint32(chunk, h)
	chunk = append(chunk, 8, 2, 0, 0, 0) // eight bits of red, green and blue
	out := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	out = append(out, chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

// jpegHeader is the same of a JPEG: start of image, start of frame with one grey
// component, start of scan.
func jpegHeader(w, h uint16) []byte {
	out := []byte{0xff, 0xd8, 0xff, 0xc0, 0, 11, 8}
	out = binary.BigEndian.AppendUint16(out, h)
	out = binary.BigEndian.AppendUint16(out, w)
	return append(out, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0)
}
