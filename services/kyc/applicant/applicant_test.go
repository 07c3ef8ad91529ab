package applicant

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func anna() Applicant {
	return Applicant{
		Name: "Anna Maria Eriksson", Email: "anna@utopia.example",
		Document: Document{
			MRZ:      []string{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"},
			Portrait: []byte("\x89PNG portrait"),
		},
		Selfie: []byte("\x89PNG selfie"),
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("task.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("task.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the Go type writes is what the schema describes, and is read back.
func TestTypeAndSchemaAgree(t *testing.T) {
	text, err := json.Marshal(anna())
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(value); err != nil {
		t.Error(err)
	}
	back, err := Read(text)
	if err != nil || !reflect.DeepEqual(back, anna()) {
		t.Errorf("got %+v, %v", back, err)
	}
}

// The schema is a schema: draft 2020-12 itself judges it.
func TestSchemaIsOfItsDraft(t *testing.T) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(value); err != nil {
		t.Error(err)
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for _, tc := range []struct {
		name  string
		spoil func(m, document map[string]any)
		where string
	}{
		{"no name", func(m, _ map[string]any) { delete(m, "name") }, "name"},
		{"a blank name", func(m, _ map[string]any) { m["name"] = "  " }, "/name"},
		{"an address without @", func(m, _ map[string]any) { m["email"] = "anna" }, "/email"},
		{"an address with a second one", func(m, _ map[string]any) { m["email"] = "a@b.example,c@d.example" }, "/email"},
		{"an address with a line break", func(m, _ map[string]any) { m["email"] = "a@b.example\r\nBcc: c@d.example" }, "/email"},
		{"three lines", func(_, d map[string]any) { d["mrz"] = []any{"a", "b", "c"} }, "/document/mrz"},
		{"no lines", func(_, d map[string]any) { d["mrz"] = []any{} }, "/document/mrz"},
		{"a line that is a number", func(_, d map[string]any) { d["mrz"] = []any{json.Number("1")} }, "/document/mrz/0"},
		{"no portrait", func(_, d map[string]any) { delete(d, "portrait") }, "portrait"},
		{"an empty selfie", func(m, _ map[string]any) { m["selfie"] = "" }, "/selfie"},
		{"no base64", func(m, _ map[string]any) { m["selfie"] = "data:image/png;base64,AAAA" }, "/selfie"},
		{"too large", func(m, _ map[string]any) { m["selfie"] = strings.Repeat("A", 480004) }, "/selfie"},
		{"something more", func(m, _ map[string]any) { m["surname"] = "x" }, "surname"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, err := json.Marshal(anna())
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			m := value.(map[string]any)
			tc.spoil(m, m["document"].(map[string]any))
			err = s.Validate(m)
			if err == nil || !strings.Contains(err.Error(), tc.where) {
				t.Errorf("got %v, want an error at %s", err, tc.where)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "anna", "another type": `[]`, "no base64": `{"selfie":"%"}`,
		"an unknown field": `{"surname":"x"}`, "two values": `{} {}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read([]byte(text)); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	text, err := json.Marshal(anna())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := Read(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := Read(again); err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("read %+v, wrote it, read %+v, %v", a, b, err)
		}
	})
}
