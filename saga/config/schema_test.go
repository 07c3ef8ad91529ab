package config

import (
	"os"
	"strings"
	"sync"
	"testing"
)

func TestSchemaValidate(t *testing.T) {
	s, err := loadSchema("testdata/valid/task.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := NewSchema("kinds", []byte(`{
		"properties": {
			"n": {"type": "integer", "maximum": 10},
			"share": {"exclusiveMinimum": 0, "exclusiveMaximum": 0.5, "multipleOf": 0.25},
			"least": {"minimum": 1000000},
			"when": {"format": "date"},
			"either": {"oneOf": [{"type": "string", "minLength": 2}, {"type": "null"}]},
			"a/b": {"type": "string"}
		},
		"patternProperties": {"^x": {"type": "string"}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		schema     *Schema
		json, want string
	}{
		"no schema":         {nil, `nonsense`, ""},
		"right":             {s, `{"name": "Ada", "document": {"mrz": ["A<", "B<"]}}`, ""},
		"one too few":       {s, `{"name": "Ada", "document": {"mrz": ["A<"]}}`, "/document/mrz: minItems: got 1, want 2"},
		"several":           {s, `{"name": "", "document": {"mrz": 1}}`, "/document/mrz: got number, want array; /name: minLength: got 0, want 1"},
		"of the whole":      {s, `[]`, "/: got array, want object"},
		"missing":           {s, `{}`, "/: missing properties 'name', 'document'"},
		"no text is quoted": {s, `{"name": "Ada", "document": {"mrz": ["hush", "B<"]}}`, "/document/mrz/0: does not match the pattern ^[A-Z0-9<]+$"},
		"empty":             {s, ``, "/: is empty, want JSON"},
		"not JSON":          {s, `{"name": `, "/: is not JSON: unexpected EOF"},
		"two values":        {s, `{} {}`, "/: is not JSON: invalid character after top-level value"},
		"a format":          {kinds, `{"when": "hush"}`, "/when: is not a valid date"},
		"alternatives":      {kinds, `{"either": "x"}`, "/either: fits none of the alternatives: minLength: got 1, want 2 | got string, want null"},
		"escaped":           {kinds, `{"a/b": 1}`, "/a~1b: got number, want string"},
		"large, not huge":   {kinds, `{"n": 1e300}`, "/n: maximum: want 10"},
		"a share":           {kinds, `{"share": 0.9}`, "/share: exclusiveMaximum: want less than 0.5; /share: multipleOf: want 0.25"},
		"no share":          {kinds, `{"share": 0}`, "/share: exclusiveMinimum: want more than 0"},
		"too little":        {kinds, `{"least": 1}`, "/least: minimum: want 1e+06"},
		"a huge number":     {kinds, `{"n": 1e20000000}`, "/n: the number is out of range"},
		"a tiny number":     {kinds, `{"n": [0, 0.0, 1e-20000000]}`, "/n/2: the number is out of range"},
		"many": {kinds, `{"x0":0,"x1":0,"x2":0,"x3":0,"x4":0,"x5":0,"x6":0,"x7":0,"x8":0,"x9":0}`,
			"/x6: got number, want string; /x7: got number, want string; and 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := test.schema.Validate([]byte(test.json)); err != nil {
				got = err.Error()
			}
			if got != test.want && (test.want == "" || !strings.Contains(got, test.want)) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if len(got) > 2000 || strings.Contains(got, "hush") {
				t.Errorf("too long, or tells the value: %s", got)
			}
		})
	}
}

func TestSchemaIsSafeForConcurrentUse(t *testing.T) {
	s, err := NewSchema("s", []byte(`{"type": "object", "properties": {"a": {"type": "string", "format": "date", "pattern": "^2"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if s.Validate([]byte(`{"a": "x"}`)) == nil || s.Validate([]byte(`{"a": "2026-01-31"}`)) != nil {
					t.Error("wrong verdict")
				}
			}
		})
	}
	wg.Wait()
}

func TestNewSchemaRefuses(t *testing.T) {
	for name, test := range map[string]struct{ schema, want string }{
		"not JSON":      {`{`, "schema s.json: is not JSON"},
		"no schema":     {`{"type": "objekt"}`, "schema s.json: /type: "},
		"a list":        {`[]`, "schema s.json: /: got array"},
		"the network":   {`{"$ref": "http://localhost:1/x.json"}`, "only files are read"},
		"a device":      {`{"$ref": "file:///dev/zero"}`, "is not a file"},
		"a file absent": {`{"$ref": "absent.json"}`, "no such file"},
		"a bad pattern": {`{"pattern": "("}`, "schema s.json: "},
	} {
		_, err := NewSchema("s.json", []byte(test.schema))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	large := t.TempDir() + "/large.json"
	if err := os.WriteFile(large, make([]byte, maxSchema+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSchema(large); err == nil || !strings.Contains(err.Error(), "are allowed") {
		t.Errorf("large: got %v", err)
	}
}

func FuzzSchemaValidate(f *testing.F) {
	s, err := NewSchema("s", []byte(`{"properties": {
		"n": {"type": "integer", "minimum": 1, "multipleOf": 0.1}, "u": {"uniqueItems": true}, "e": {"enum": [1, "a", null]}}}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"n": 1e20000000, "u": [1, 1.0], "e": {}}`))
	f.Add([]byte(`{"n": -0.0e-999, "u": [[], {}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := s.Validate(text); err != nil && !strings.HasPrefix(err.Error(), "/") {
			t.Errorf("no path: %v", err)
		}
	})
}
