package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Place is where something was written. It is zero for what was built in Go.
type Place struct {
	File   string
	Line   int // from 1; 0 when unknown
	Column int // from 1, in characters
}

// String prints the place as compilers do: "agent.yaml:6:17".
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	Place
	Path string // of the key: "retry_policy.jitter_ratio", "after[1]"; empty for the file as a whole
	Text string // what is wrong
}

// String prints place, path and text, as far as they are known.
func (m Mistake) String() string {
	var parts []string
	for _, part := range []string{m.Place.String(), m.Path, m.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Mistakes are all that is wrong with a configuration, in the order of the
// file. Programs get them out of an error with errors.As.
type Mistakes []Mistake

// Error prints one mistake on each line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// err sorts the mistakes, and is nil when there are none.
func (m Mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return m
}

// touch reports whether there is a mistake in the value at a path: there, in a
// part of it, or in what it is a part of. What such a value would imply is not
// worth telling.
func (m Mistakes) touch(path string) bool {
	return slices.ContainsFunc(m, func(m Mistake) bool {
		return m.Path != "" && (within(m.Path, path) || within(path, m.Path))
	})
}

// within reports whether a path is another one or leads into it.
func within(path, whole string) bool {
	rest, ok := strings.CutPrefix(path, whole)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
