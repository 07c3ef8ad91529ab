package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// A Schema is a compiled JSON Schema, of draft 2020-12 unless its $schema says
// otherwise. Formats such as date and email are checked. A nil or zero Schema
// accepts everything. It is safe for concurrent use.
type Schema struct {
	compiled *jsonschema.Schema
	doc      json.RawMessage
}

// maxSchema is the size up to which a schema is read from a file.
const maxSchema = 1 << 20

// NewSchema compiles a JSON Schema. The name is the path of its file: others
// to which it refers are looked for beside it. Nothing is read from a network.
func NewSchema(name string, doc []byte) (*Schema, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("schema %s: is not JSON: %w", name, err)
	}
	s, err := compile(name, v)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	return s, nil
}

// JSON is the schema as it was written; nil for a nil Schema.
func (s *Schema) JSON() json.RawMessage {
	if s == nil {
		return nil
	}
	return s.doc
}

// Validate checks a JSON text. Its error has one part for each thing that is
// wrong, with its path: "/document/mrz: minItems: got 1, want 2". It tells
// names, counts and limits, but never the value: errors end up in events
// and logs.
func (s *Schema) Validate(text []byte) error {
	if s == nil || s.compiled == nil {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("/: is empty, want JSON")
	case err != nil:
		return fmt.Errorf("/: is not JSON: %w", err)
	}
	if err := outOfRange(v); err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := s.compiled.Validate(v); errors.As(err, &invalid) {
		return faultsOf(invalid)
	} else if err != nil {
		return err
	}
	return nil
}

// loadSchema reads and compiles a file.
func loadSchema(path string) (*Schema, error) {
	text, err := readSchema(path)
	if err != nil {
		return nil, err
	}
	return NewSchema(path, text)
}

func readSchema(path string) ([]byte, error) {
	// A pipe or a device would block, or never end.
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("schema %s: %w", path, errors.Unwrap(err)) // without its "stat"
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("schema %s: is not a file", path)
	} else if info.Size() > maxSchema {
		return nil, fmt.Errorf("schema %s: has %d bytes, %d are allowed", path, info.Size(), maxSchema)
	}
	return os.ReadFile(path)
}

// files loads the schemas to which others refer.
type files struct{ jsonschema.FileLoader }

func (f files) Load(location string) (any, error) {
	path, err := f.ToFile(location)
	if err != nil {
		return nil, errors.New("only files are read, nothing from a network")
	}
	text, err := readSchema(path)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// compile compiles a decoded schema. Where it is no valid schema, its error is
// faults.
func compile(name string, doc any) (*Schema, error) { return compileWith(files{}, name, doc) }

// compileWith finds other schemas by a loader; without one, none.
func compileWith(others jsonschema.URLLoader, name string, doc any) (*Schema, error) {
	if err := outOfRange(doc); err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	location := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(others)
	if err := c.AddResource(location, doc); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(location)
	var invalid *jsonschema.ValidationError
	if broken, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok && errors.As(broken.Err, &invalid) {
		return nil, faultsOf(invalid)
	}
	if err != nil {
		return nil, err
	}
	return &Schema{compiled: compiled, doc: text}, nil
}

// outOfRange finds the numbers that no double holds. Exact arithmetic on
// 1e500000 costs milliseconds each, and 1e20000000 makes the schema library
// panic: any upstream could send that to every replica.
func outOfRange(v any) error {
	var found faults
	var visit func(at []string, v any)
	visit = func(at []string, v any) {
		switch v := v.(type) {
		case json.Number:
			f, err := v.Float64()
			mantissa, _, _ := strings.Cut(strings.ToLower(v.String()), "e")
			if err != nil || f == 0 && strings.ContainsAny(mantissa, "123456789") {
				found = append(found, fault{at, "the number is out of range"})
			}
		case float64: // YAML has .inf and .nan
			if math.IsNaN(v) || math.IsInf(v, 0) {
				found = append(found, fault{at, "JSON has no such number"})
			}
		case []any:
			for i, item := range v {
				visit(append(at[:len(at):len(at)], strconv.Itoa(i)), item)
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				visit(append(at[:len(at):len(at)], key), v[key])
			}
		}
	}
	visit(nil, v)
	if found == nil {
		return nil
	}
	return found
}

// plain turns YAML into what JSON would have decoded to.
func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := plain(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		return v, nil
	default: // a date is text in JSON
		return n.Value, nil
	}
}
