package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Settings decodes the program's own settings into a pointer to its struct, by
// yaml field tags. It is as strict as the rest: an unknown key or a wrong type
// is a mistake with its place, and all are told at once. A field that the file
// does not name keeps its value, so defaults can be set before. Durations want
// their unit here too.
func (c Config) Settings(into any) error {
	if v := reflect.ValueOf(into); v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("settings of agent %q: want a pointer to decode into, not %T", c.Agent, into)
	}
	if c.settings == nil {
		return nil
	}
	return c.source.load("settings", c.settings, into)
}

// load decodes a part of the file into a pointer, and tells all that does not
// fit at its place.
func (s source) load(path string, n *yaml.Node, into any) error {
	err := n.Load(into, yaml.WithKnownFields())
	if err == nil {
		return nil
	}
	problems, ok := errors.AsType[*yaml.LoadErrors](err)
	if !ok {
		return Mistakes{{Place: s.at(path), Path: path, Text: err.Error()}}
	}
	var found Mistakes
	for _, p := range problems.Errors {
		where, n := s.find(path, n, p)
		at := Place{s.file, p.Mark.Line, p.Mark.Column}
		if p.Mark.Line == 0 {
			at = s.at(path)
		}
		found = append(found, Mistake{Place: at, Path: where, Text: s.reword(p.Message, n, reflect.TypeOf(into))})
	}
	return found.err()
}

// find leads a path to the node that a problem is about. A block mapping and
// its first key begin at the same place, so the message has to tell which.
func (s source) find(path string, n *yaml.Node, p *yaml.LoadError) (string, *yaml.Node) {
	collection := wrongCollection.MatchString(p.Message)
	bestPath, best := path, n
	var visit func(path string, n *yaml.Node)
	visit = func(path string, n *yaml.Node) {
		if n.Line == p.Mark.Line && n.Column == p.Mark.Column && (n.Kind != yaml.ScalarNode) == collection {
			bestPath, best = path, n
		}
		for i, item := range n.Content {
			switch {
			case n.Kind == yaml.SequenceNode:
				visit(fmt.Sprintf("%s[%d]", path, i), item)
			case i%2 == 1:
				key := n.Content[i-1]
				visit(join(path, key.Value), key)
				visit(join(path, key.Value), item)
			}
		}
	}
	visit(path, n)
	return bestPath, best
}

var (
	unknownField = regexp.MustCompile(`^field (.*) not found in type `)
	wrongType    = regexp.MustCompile("^cannot construct .* into (.*)$")
	// wrongCollection finds that a mapping or list stands where none fits.
	wrongCollection = regexp.MustCompile("^cannot construct !!(map|seq)")
)

// reword says what the YAML library says, in our words, and without the value
// of a variable.
func (s source) reword(message string, n *yaml.Node, into reflect.Type) string {
	if m := unknownField.FindStringSubmatch(message); m != nil {
		return "unknown key" + didYouMean(m[1], keysOf(into, map[reflect.Type]bool{}))
	}
	if m := wrongType.FindStringSubmatch(message); m != nil {
		if m[1] == "time.Duration" {
			m[1] = "a duration with its unit, such as 10s"
		}
		return "must be " + m[1] + ", is " + s.show(n)
	}
	if text, ok := s.variable[n]; ok {
		return "the value of " + text + " does not fit"
	}
	return message
}

// keysOf lists all keys that a type can decode, at any depth.
func keysOf(t reflect.Type, seen map[reflect.Type]bool) (keys []string) {
	switch {
	case t == nil || seen[t]:
		return nil
	case t.Kind() == reflect.Struct:
		seen[t] = true
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			if f.IsExported() && name != "-" {
				keys = append(keys, name)
			}
			keys = append(keys, keysOf(f.Type, seen)...)
		}
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		keys = keysOf(t.Elem(), seen)
	}
	return keys
}
