package mrz

import (
	"fmt"
	"strings"
)

// Mistake is one place that cannot be read.
type Mistake struct {
	Line   int // from 1; 0 speaks of the zone as a whole
	Column int // from 1; 0 speaks of the line as a whole
	Field  string
	Text   string // what stands there
	Wrong  string
}

func (m Mistake) String() string {
	where := "zone"
	switch {
	case m.Column != 0:
		where = fmt.Sprintf("line %d, column %d, %s %q", m.Line, m.Column, m.Field, m.Text)
	case m.Line != 0:
		where = fmt.Sprintf("line %d", m.Line)
	}
	return where + ": " + m.Wrong
}

// SyntaxError is all that is wrong with the form of a zone.
type SyntaxError struct {
	Mistakes []Mistake
}

func (e *SyntaxError) Error() string {
	all := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		all[i] = m.String()
	}
	return "read machine-readable zone: " + strings.Join(all, "; ")
}
