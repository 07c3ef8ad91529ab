package face_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/face"
)

func TestATemplateSurvivesTheJourney(t *testing.T) {
	before := gallery()[0].portrait.template
	b, err := before.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 2479 {
		t.Errorf("%d bytes, the documentation says 2479", len(b))
	}
	var after face.Template
	if err := after.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if after != before {
		t.Error("what was read is not what was written")
	}
}

func TestNobodyIsNotWritten(t *testing.T) {
	if _, err := (face.Template{}).MarshalBinary(); !errors.Is(err, face.ErrTemplate) {
		t.Errorf("marshal of the zero template: %v, want %v", err, face.ErrTemplate)
	}
}

// F2: a template is checked before it is believed.
func TestTemplatesThatAreRefused(t *testing.T) {
	good, err := gallery()[0].portrait.template.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	tests := map[string][]byte{
		"empty":            {},
		"cut short":        good[:len(good)-1],
		"too long":         append(bytes.Clone(good), 0),
		"of the future":    spoil(func(b []byte) []byte { b[0]++; return b }),
		"one pixel more":   spoil(func(b []byte) []byte { b[100]++; return b }),
		"all zero":         spoil(func(b []byte) []byte { clear(b[1:]); return b }),
		"text of the size": bytes.Repeat([]byte("a"), len(good)),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			was := gallery()[1].portrait.template
			read := was
			if err := read.UnmarshalBinary(b); !errors.Is(err, face.ErrTemplate) {
				t.Errorf("%v, want %v", err, face.ErrTemplate)
			}
			if read != was {
				t.Error("the refused bytes left a trace")
			}
		})
	}
}

func FuzzTemplate(f *testing.F) {
	somebody := exhibited(0, passport)
	if somebody.err != nil {
		f.Fatal(somebody.err)
	}
	known := somebody.template
	b, err := known.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var read face.Template
		if err := read.UnmarshalBinary(b); err != nil {
			if read != (face.Template{}) {
				t.Fatal("refused, and yet read")
			}
			return
		}
		again, err := read.MarshalBinary()
		if err != nil {
			t.Fatalf("accepted, and can't be written: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatal("two spellings of one template")
		}
		if s := face.Similarity(read, known); !(s >= 0 && s <= 1) {
			t.Fatalf("similarity %v", s)
		}
		if s := face.Similarity(read, read); s != 1 {
			t.Fatalf("similarity with itself %v", s)
		}
	})
}
