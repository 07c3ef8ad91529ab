package config

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A File is another YAML file than an agent's that was read by the same rules:
// variables are replaced, and an unknown key, a key that stands there twice or
// a value of another type is a mistake with its place.
type File struct {
	source
	judged Mistakes
}

// ReadFile reads a file, with the variables of the environment, into a pointer
// to a struct with yaml field tags. What the file does not name keeps its
// value. What is wrong with its content is told as [Mistakes].
func ReadFile(path string, into any) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return DecodeFile(path, text, os.LookupEnv, into)
}

// DecodeFile is [ReadFile] from memory, as [Parse] is [Load].
func DecodeFile(name string, text []byte, lookup func(string) (string, bool), into any) (*File, error) {
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil, Mistakes{{Place: Place{name, 1, 1}, Text: "is empty"}}
	}
	t := read(name, text, lookup)
	if t.root != nil && t.root.Kind != yaml.MappingNode {
		t.mistake(t.place(t.root), "", "must be a mapping of keys to values, is %s", t.show(t.root))
	}
	if err := t.mistakes.err(); err != nil {
		return nil, err
	}
	return &File{source: t.source}, t.load("", t.root, into)
}

// Mistake notes that the value at a path, such as "outages[1].chance", does not
// mean what it should. [File.Err] tells all of them.
func (f *File) Mistake(path, format string, args ...any) {
	f.judged = append(f.judged, Mistake{Place: f.at(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// Unknown is the mistake of a word that is none of those known.
func (f *File) Unknown(path, word string, known []string) {
	f.Mistake(path, "%q is unknown%s", word, didYouMean(word, known))
}

// Err is what was noted, in the order of the file, as [Mistakes]; nil if nothing was.
func (f *File) Err() error { return f.judged.err() }
