package config

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/unwind-saga/unwind/saga/when"
)

// condition takes the condition of a step. What is wrong inside it is told at
// its own place.
func (d *decoder) condition(into **when.Condition) field {
	return func(path string, n *yaml.Node) {
		if _, ok := d.variable[n]; ok {
			// Two instances of one agent, or the one and who reads its file, would
			// judge the same saga differently.
			d.mistake(d.place(n), path, "has a variable, but a condition means the same everywhere: let the task or a result carry what differs")
			return
		}
		var text string
		if d.text(&text)(path, n); text == "" {
			return
		}
		d.inside = d.spread(n)
		c, err := when.Compile(text)
		faults, ok := errors.AsType[when.Faults](err)
		if err != nil && !ok {
			d.mistake(d.place(n), path, "%s", err)
			return
		}
		for _, f := range faults {
			d.mistake(d.inWhen(f.Offset), path, "%s", f.Text)
		}
		*into = c
	}
}

// InWhen is the place of a character of the condition, counted from 0. It is
// zero for a Config built in Go.
func (c Config) InWhen(offset int) Place { return c.source.inWhen(offset) }

func (s source) inWhen(offset int) Place {
	if len(s.inside) == 0 {
		return s.at("when")
	}
	return s.inside[min(max(offset, 0), len(s.inside)-1)]
}

// spread finds the places of a text's characters in the file, and of its end.
// Quotes, escapes, folded lines and indentation move them; white space is all
// that these add and remove. So the nth visible character of the text is the
// nth visible one that the file has for it.
func (s source) spread(n *yaml.Node) []Place {
	r := reader{lines: s.lines, style: n.Style, at: s.place(n)}
	r.open()
	var places []Place
	for _, c := range n.Value {
		if !blank(c) {
			r.seek()
		}
		places = append(places, r.at)
		if !blank(c) {
			r.take()
		}
	}
	return append(places, r.at)
}

// A reader goes through a scalar as it stands in the file.
type reader struct {
	lines [][]rune
	style yaml.Style
	at    Place
}

// rest is what is left of the line.
func (r *reader) rest() []rune {
	if r.at.Line < 1 || r.at.Line > len(r.lines) {
		return nil
	}
	line := r.lines[r.at.Line-1]
	return line[min(r.at.Column-1, len(line)):]
}

func (r *reader) nextLine() { r.at.Line, r.at.Column = r.at.Line+1, 1 }

func (r *reader) quoted() bool { return r.style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 }

// open passes over what stands before the text: a quote, or the line of | or >.
func (r *reader) open() {
	switch {
	case r.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		r.nextLine()
	case r.quoted():
		r.at.Column++
	}
}

// seek goes on to the next visible character.
func (r *reader) seek() {
	for r.at.Line <= len(r.lines) {
		switch rest := r.rest(); {
		case len(rest) == 0:
			r.nextLine()
		case blank(rest[0]):
			r.at.Column++
		case r.escaped(rest) && (len(rest) == 1 || strings.ContainsRune(" \tntr", rest[1])):
			r.at.Column += min(len(rest), 2) // an escape that says white space, or joins two lines
		default:
			return
		}
	}
}

// take passes over a visible character.
func (r *reader) take() {
	rest := r.rest()
	switch {
	case r.escaped(rest) && len(rest) > 1:
		r.at.Column += 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[rest[1]]
	case r.style&yaml.SingleQuotedStyle != 0 && len(rest) > 1 && rest[0] == '\'' && rest[1] == '\'':
		r.at.Column += 2
	default:
		r.at.Column++
	}
}

func (r *reader) escaped(rest []rune) bool {
	return r.style&yaml.DoubleQuotedStyle != 0 && len(rest) > 0 && rest[0] == '\\'
}

func blank(c rune) bool { return strings.ContainsRune(" \t\n\r", c) }
