package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzParse: whatever the bytes, Parse returns a valid Config or mistakes that
// all have a place in the file, in its order.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("\ufeffagent: a\nsaga: s\n"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("testdata/valid/agent.yaml", text, env)
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("parsed, but not valid: %v", err)
			}
			_ = c.Settings(new(settings))
			return
		}
		found, ok := errors.AsType[Mistakes](err)
		if !ok || len(found) == 0 {
			t.Fatalf("got %T %v, want Mistakes", err, err)
		}
		for _, m := range found {
			if m.File == "" || m.Line < 1 || m.Column < 1 || m.Text == "" {
				t.Errorf("no place or no text: %#v", m)
			}
		}
		if !slices.IsSortedFunc(found, func(a, b Mistake) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		}) {
			t.Errorf("not in the order of the file:\n%v", found)
		}
	})
}
