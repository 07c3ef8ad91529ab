package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeclared: what an agent declares is read back as it was, but for what is
// nobody's business.
func TestDeclared(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(file, text, func(name string) (string, bool) {
			return map[string]string{"TERM": "7"}[name], name == "TERM"
		})
		if err != nil {
			t.Fatal(err)
		}
		declared, err := c.Declared()
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromDeclared(declared)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		again, err := back.Declared()
		want := strings.ReplaceAll(string(declared), "left out: it refers to other schemas", "left out")
		if err != nil || string(again) != want {
			t.Errorf("%s: read back as\n%s, want\n%s (%v)", file, again, want, err)
		}
		var keys map[string]any
		if err := json.Unmarshal(declared, &keys); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"settings", "command"} {
			if keys[secret] != nil {
				t.Errorf("%s: %s is declared", file, secret)
			}
		}
		for key := range keys {
			if (&decoder{}).fields(&Config{})[key] == nil {
				t.Errorf("%s: %s is no key of a file", file, key)
			}
		}
	}
}

// TestDeclaredSchema: a schema that can't stand alone is left out, and no file
// is read for one that comes from outside.
func TestDeclaredSchema(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.json")
	if err := os.WriteFile(other, []byte(`{"type": "string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	refers, err := NewSchema(filepath.Join(dir, "s.json"), []byte(`{"properties": {"a": {"$ref": "other.json"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	large, err := NewSchema("s", []byte(`{"description": "`+strings.Repeat("x", MaxDeclared)+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	declared, err := Config{Agent: "a", Saga: "trip", TaskSchema: refers, ResultSchema: large}.Declared()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"task_schema":"left out: it refers`, `"result_schema":"left out: it has 983`} {
		if !strings.Contains(string(declared), want) {
			t.Errorf("want %s in %s", want, declared)
		}
	}
	c, err := FromDeclared(declared)
	if err != nil || c.ResultSchema == nil || c.TaskSchema.Validate([]byte(`{"a": 1}`)) != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	hostile := `{"agent":"a","saga":"trip","task_schema":{"$ref":"file://` + filepath.ToSlash(other) + `"}}`
	if _, err := FromDeclared(json.RawMessage(hostile)); err == nil || !strings.Contains(err.Error(), "refers to another") {
		t.Errorf("a schema that refers to a file: %v", err)
	}
}

func TestFromDeclared(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                           "unexpected end",
		`{"agent":"a"}`:               "saga",
		`{"agent":"A","saga":"trip"}`: "agent",
		`{"agent":"a","saga":"trip","timeout":"soon"}`:               "duration",
		`{"agent":"a","saga":"trip","after":["b"],"when":"task. ="}`: "when:",
	} {
		if _, err := FromDeclared(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	c, err := FromDeclared(json.RawMessage(`{"agent":"a","saga":"trip","from_the_future":{"x":1}}`))
	if err != nil || c.Step != "a" || c.RetryPolicy.MaxRetries != 3 {
		t.Errorf("got %+v, %v", c, err)
	}
}
