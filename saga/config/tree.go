package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A tree is one file as YAML sees it, with its variables replaced.
type tree struct {
	source
	root     *yaml.Node // nil when the file could not be read
	mistakes Mistakes
	lookup   func(string) (string, bool)
}

// A source remembers where the values of a file stand, and which of them came
// from variables.
type source struct {
	file     string
	places   map[string]Place
	variable map[*yaml.Node]string // the text with its ${...}
	lines    [][]rune              // of the file
	inside   []Place               // of each character of the condition, and of its end
}

// at finds the place of a path, or of the nearest thing around it.
func (s source) at(path string) Place {
	for path != "" {
		if p, ok := s.places[path]; ok {
			return p
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return s.places[""]
}

// place is the place of a node.
func (s source) place(n *yaml.Node) Place { return Place{s.file, n.Line, n.Column} }

func (t *tree) mistake(at Place, path, format string, args ...any) {
	t.mistakes = append(t.mistakes, Mistake{Place: at, Path: path, Text: fmt.Sprintf(format, args...)})
}

// read parses a file and tells what holds of every YAML value, whatever it
// means: no key twice, no aliases, no variable that is unset.
func read(file string, text []byte, lookup func(string) (string, bool)) *tree {
	t := &tree{lookup: lookup, source: source{
		file: file, places: map[string]Place{}, variable: map[*yaml.Node]string{},
	}}
	var docs []yaml.Node
	err := yaml.Load(text, &docs, yaml.WithAllDocuments())
	for line := range strings.SplitSeq(string(text), "\n") {
		t.lines = append(t.lines, []rune(line))
	}
	start := Place{file, 1, 1}
	switch {
	case err != nil:
		t.syntax(text, err)
	case len(docs) == 0:
		t.mistake(start, "", "is empty: agent and saga are required")
	case len(docs) > 1:
		t.mistake(t.place(&docs[1]), "", "a second document begins here, but a file has one")
	default:
		t.root = &docs[0]
		if t.root.Kind == yaml.DocumentNode {
			t.root = t.root.Content[0]
		}
		t.walk("", t.root)
	}
	return t
}

// syntax turns an error of the YAML parser, which stops at the first, into a
// mistake.
func (t *tree) syntax(text []byte, err error) {
	at, what := Place{t.file, 1, 1}, err.Error()
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		what = e.Message
		if e.ContextMsg != "" {
			what += ", " + e.ContextMsg
			if line := e.ContextMark.Line; line > 0 && line != e.Mark.Line {
				what += fmt.Sprintf(" that begins in line %d", line)
			}
		}
		if e.Mark.Line > 0 {
			at.Line, at.Column = e.Mark.Line, max(e.Mark.Column, 1)
		}
	}
	if valid := strings.ToValidUTF8(string(text), ""); len(valid) < len(text) {
		at, what = t.invalid(text), "is not UTF-8"
	}
	if lines := strings.Split(string(text), "\n"); at.Line <= len(lines) {
		switch line := lines[at.Line-1]; {
		case strings.Contains(line, "${"):
			what += `; inside [ ] and { } a variable needs quotes: ["${NAME}"]`
		case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
			what += "; YAML wants spaces before a key, no tabs"
		}
	}
	t.mistake(at, "", "%s", what)
}

// invalid finds the first byte that is not UTF-8.
func (t *tree) invalid(text []byte) Place {
	at := Place{t.file, 1, 1}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			return at
		case r == '\n':
			at.Line, at.Column = at.Line+1, 1
		default:
			at.Column++
		}
		text = text[size:]
	}
	return at
}

func (t *tree) walk(path string, n *yaml.Node) {
	t.places[path] = t.place(n)
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		t.mistake(t.place(n), path, "anchors and aliases are not supported: write the value out")
	}
	switch n.Kind {
	case yaml.ScalarNode:
		t.expand(path, n)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			t.walk(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case yaml.MappingNode:
		lines := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind != yaml.ScalarNode {
				t.mistake(t.place(key), path, "a key must be text, is %s", t.show(key))
				continue
			}
			if key.Anchor != "" || key.Tag == "!!merge" {
				t.mistake(t.place(key), join(path, key.Value), "anchors and merge keys are not supported: write the keys out")
				continue
			}
			if line, twice := lines[key.Value]; twice {
				t.mistake(t.place(key), join(path, key.Value), "is given twice, first in line %d", line)
				continue
			}
			lines[key.Value] = key.Line
			t.walk(join(path, key.Value), value)
		}
	}
}

// expand replaces the variables of a scalar. One without quotes may get
// another type by that, which YAML decides: 16 becomes a number.
func (t *tree) expand(path string, n *yaml.Node) {
	text, problems := expand(n.Value, t.lookup)
	for _, problem := range problems {
		t.mistake(t.place(n), path, "%s", problem)
	}
	if text == n.Value {
		return
	}
	t.variable[n] = n.Value
	n.Value = text
	if n.Style == 0 {
		n.Tag = plainTag(text)
	}
}

// plainTag is the type of a text that stands in a file without quotes. What
// would be more than one scalar is text: a variable can't add structure.
func plainTag(text string) string {
	if text == "" {
		return "!!null"
	}
	var doc yaml.Node
	if yaml.Load([]byte(text), &doc) == nil && len(doc.Content) == 1 {
		if n := doc.Content[0]; n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == text {
			return n.Tag
		}
	}
	return "!!str"
}

// show says what a node is, for people. Of a value that came from variables
// only the text in the file is shown: it may be a secret.
func (s source) show(n *yaml.Node) string {
	if text, ok := s.variable[n]; ok {
		return "the value of " + text
	}
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.ShortTag() == "!!null":
		return "nothing"
	case n.ShortTag() == "!!str":
		return fmt.Sprintf("%q", n.Value)
	default:
		return n.Value
	}
}

// join leads a path into a key.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
