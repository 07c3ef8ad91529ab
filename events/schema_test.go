package events_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

// data has two values of each kind's data: all that it can say, and the least
// that a writer may say.
var data = map[events.Kind][2]any{
	events.Rejected: {
		events.Rejection{Agent: "face", Error: events.Error{Code: "no-photo", Message: "there is no photo"}},
		events.Rejection{Agent: "face"},
	},
	events.Started:   {claim, events.Claim{Agent: "face", Cause: events.CauseTask}},
	events.Attempt:   {claim, events.Claim{Agent: "face", Cause: events.CauseTakeover, After: []string{}}},
	events.Completed: {done, events.Done{Agent: "face", Attempt: 1}},
	events.Skipped:   {done, events.Done{Agent: "face", Attempt: 1, After: []string{}}},
	events.Failed: {
		events.Failure{
			Agent: "face", Error: events.Error{Code: "gone", Message: "it is gone"}, Class: events.Unavailable, Left: events.LeftUndone,
			Then: events.ThenFallback, Due: events.Duration(1250 * time.Millisecond), Next: "face-lite", Chain: []string{"face-human"},
			Throttled: true, Raw: &events.Raw{Text: `{"face": 7}`, Cut: 9},
		},
		events.Failure{Agent: "face", Class: events.Refused, Left: events.LeftNothing, Then: events.ThenBack},
	},
	events.Pending: {
		events.Wait{
			Agent: "face", WaitsFor: "a callback", Person: true, Question: "is it her?",
			Within: events.Duration(time.Hour), Undo: json.RawMessage(`"token"`),
		},
		events.Wait{Agent: "face"},
	},
	events.Answered: {
		events.Answer{
			Outcome: events.OutcomeRetry, Attempt: 2, By: "ada", Reason: "they called", Data: json.RawMessage(`[1]`), Undo: json.RawMessage(`"token"`),
			Error: &events.Error{Code: "gone", Message: "it is gone"}, Next: "face", Due: events.Duration(time.Minute),
		},
		events.Answer{Outcome: events.OutcomeCompleted},
	},
	events.Fallback:  {events.HandOver{From: "face", Attempt: 2}, events.HandOver{From: "face", Attempt: 1}},
	events.Committed: {events.Commitment{Step: "face", Agent: "face-lite", Attempt: 2}, events.Commitment{Step: "face", Agent: "face", Attempt: 1}},
	events.Unwinding: {
		events.Turn{Reason: events.ReasonFailed, Step: "face", By: "face@host", Error: &events.Error{Code: "gone", Message: "it is gone"}},
		events.Turn{Reason: events.ReasonCancelled},
	},
	events.Compensate: {
		events.UndoOrder{Reason: events.ReasonDeadline, Attempt: 1, Undo: json.RawMessage(`{"id":7}`)},
		events.UndoOrder{Reason: events.ReasonRejected, Attempt: 999},
	},
	events.Compensated: {
		events.Undone{By: "ada@example.org", Reason: "done by hand", Found: events.FoundUndone},
		events.Undone{Found: events.FoundNothing},
	},
	events.UndoFailed: {
		events.UndoFailure{Error: events.Error{Code: "gone", Message: "it is gone"}, Then: events.ThenRetry, Due: events.Duration(time.Hour)},
		events.UndoFailure{Then: events.ThenPerson},
	},
	events.Redo:            {events.RedoOrder{By: "ada", Reason: "it came too late"}, events.RedoOrder{}},
	events.SagaCompleted:   {end, events.End{}},
	events.SagaCompensated: {end, events.End{}},
	events.Dismissed: {
		events.Dismissal{By: "ada", Reason: "the address was wrong", As: events.Redriven, To: "order-1-r1"},
		events.Dismissal{As: events.Dropped},
	},
}

var (
	claim = events.Claim{
		Agent: "face", Instance: "face@host", After: []string{"mrz", "mail"},
		Trigger: events.Trigger{Stream: "SAGA_kyc", Seq: 1<<64 - 1}, Cause: events.CauseStep, Deadline: at,
		Within: events.Duration(time.Hour), From: &origin,
	}
	done = events.Done{
		Agent: "face", Attempt: 2, After: []string{"mrz"}, Result: json.RawMessage(`[1]`), ResultRef: &ref, Undo: json.RawMessage(`"token"`),
		Context: &events.Context{Task: json.RawMessage(`null`), Results: map[string]json.RawMessage{"mrz": json.RawMessage(`1`)}, Refs: refs, Deadline: at, Committed: true},
		Omitted: true, From: &origin,
	}
	origin = events.Origin{Saga: "order-1", Seq: 7}
	end    = events.End{Result: map[string]json.RawMessage{"face": json.RawMessage(`{}`)}, Refs: refs}
	ref    = events.RefOf([]byte(`"a large one"`))
	refs   = map[string]events.Ref{"mail": ref}
)

func TestEveryKindHasASchema(t *testing.T) {
	for _, k := range events.Kinds() {
		_, ok := events.Schema(k)
		assert.Equal(t, k != events.Submitted, ok, k)
		_, ok = data[k]
		assert.Equal(t, k != events.Submitted, ok, k)
	}
	_, ok := events.Schema(99)
	assert.False(t, ok)
	first, _ := events.Schema(events.Failed)
	first[0] = '!'
	second, _ := events.Schema(events.Failed)
	assert.True(t, json.Valid(second), "a caller spoilt the schema for the next one")
}

func TestNoSchemaIsForgotten(t *testing.T) {
	used := map[string]bool{}
	for _, k := range events.Kinds() {
		text, _ := events.Schema(k)
		used[string(text)] = true
	}
	files, err := os.ReadDir("schema")
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile("schema/" + f.Name())
		require.NoError(t, err)
		assert.True(t, used[string(text)], f.Name())
	}
}

func compile(t *testing.T, k events.Kind) *jsonschema.Schema {
	t.Helper()
	text, ok := events.Schema(k)
	require.True(t, ok)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	id := doc.(map[string]any)["$id"].(string)
	require.NoError(t, c.AddResource(id, doc))
	s, err := c.Compile(id)
	require.NoError(t, err)
	assert.Equal(t, "https://json-schema.org/draft/2020-12/schema", doc.(map[string]any)["$schema"], k)
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return s.Validate(v)
}

func TestWhatWeWriteIsValid(t *testing.T) {
	for k, values := range data {
		s := compile(t, k)
		for _, v := range values {
			e, err := events.New(aSubject(k), "test", events.Event{}, v)
			require.NoError(t, err)
			assert.NoError(t, validate(t, s, e.Data), "%s: %s", k, e.Data)

			// Readers tolerate what they do not know.
			more := append(bytes.TrimSuffix(e.Data, []byte("}")), `,"later_version":{"a":1}}`...)
			assert.NoError(t, validate(t, s, bytes.Replace(more, []byte("{,"), []byte("{"), 1)), "%s: %s", k, more)
		}
	}
}

// The first of the values is to say everything, or the test above says little.
func TestTheValuesSayEverything(t *testing.T) {
	for k, values := range data {
		v := reflect.ValueOf(values[0])
		for i := range v.NumField() {
			assert.False(t, v.Field(i).IsZero(), "%s: %s", k, v.Type().Field(i).Name)
		}
	}
}

func TestWrongDataIsInvalid(t *testing.T) {
	for k := range data {
		s := compile(t, k)
		for _, text := range []string{`null`, `[]`, `"x"`, `1`} {
			assert.Error(t, validate(t, s, []byte(text)), "%s: %s", k, text)
		}
	}
	for name, c := range map[string]struct {
		kind  events.Kind
		spoil map[string]any // in what says everything
	}{
		"agent with a capital":     {events.Started, map[string]any{"agent": "Face"}},
		"agent too long":           {events.Started, map[string]any{"agent": long(64)}},
		"agent is a number":        {events.Rejected, map[string]any{"agent": 1}},
		"unknown cause":            {events.Attempt, map[string]any{"cause": "boredom"}},
		"trigger below zero":       {events.Started, map[string]any{"trigger": map[string]any{"stream": "S", "seq": -1}}},
		"trigger without a stream": {events.Started, map[string]any{"trigger": map[string]any{"seq": 1}}},
		"after is a string":        {events.Started, map[string]any{"after": "mrz"}},
		"deadline is no time":      {events.Started, map[string]any{"deadline": "tomorrow"}},
		"attempt 0":                {events.Completed, map[string]any{"attempt": 0}},
		"attempt 1000":             {events.Completed, map[string]any{"attempt": 1000}},
		"attempt 1.5":              {events.Completed, map[string]any{"attempt": 1.5}},
		"context without a task":   {events.Completed, map[string]any{"context": map[string]any{}}},
		"omitted is a string":      {events.Skipped, map[string]any{"context_omitted": "yes"}},
		"error is a string":        {events.Failed, map[string]any{"error": "gone"}},
		"error without a code":     {events.Failed, map[string]any{"error": map[string]any{"message": "gone"}}},
		"unknown class":            {events.Failed, map[string]any{"class": "fatal"}},
		"unknown left":             {events.Failed, map[string]any{"left": "some"}},
		"nobody after a failure":   {events.Failed, map[string]any{"then": "nobody"}},
		"due in Go's form":         {events.Failed, map[string]any{"due": "1m30s"}},
		"due is a number":          {events.Failed, map[string]any{"due": 90}},
		"due below zero":           {events.Failed, map[string]any{"due": "-1s"}},
		"due with ten digits":      {events.Failed, map[string]any{"due": "1.0123456789s"}},
		"next is no name":          {events.Failed, map[string]any{"next": "*"}},
		"chain of numbers":         {events.Failed, map[string]any{"chain": []any{1}}},
		"within is a time":         {events.Pending, map[string]any{"within": "2026-01-01T00:00:00Z"}},
		"unknown outcome":          {events.Answered, map[string]any{"outcome": "fine"}},
		"answer to attempt 0":      {events.Answered, map[string]any{"attempt": 0}},
		"nobody's pivot":           {events.Committed, map[string]any{"step": ""}},
		"handed over by nobody":    {events.Fallback, map[string]any{"from": ""}},
		"unknown reason":           {events.Unwinding, map[string]any{"reason": "mood"}},
		"unknown reason to undo":   {events.Compensate, map[string]any{"reason": "mood"}},
		"unknown found":            {events.Compensated, map[string]any{"found": "some"}},
		"back after undofailed":    {events.UndoFailed, map[string]any{"then": "back"}},
		"redo by nobody":           {events.Redo, map[string]any{"by": nil}},
		"reference to nothing":     {events.Completed, map[string]any{"result_ref": map[string]any{}}},
		"reference by another sum": {events.Completed, map[string]any{"result_ref": map[string]any{"digest": "md5:0", "size": 1}}},
		"reference without a size": {events.Completed, map[string]any{"result_ref": map[string]any{"digest": ref.Digest}}},
		"reference to too much":    {events.Completed, map[string]any{"result_ref": map[string]any{"digest": ref.Digest, "size": events.MaxResult + 1}}},
		"references are a list":    {events.Completed, map[string]any{"context": map[string]any{"task": 1, "result_refs": []any{}}}},
		"references to nothing":    {events.SagaCompleted, map[string]any{"result_refs": map[string]any{"mail": map[string]any{}}}},
		"result is a list":         {events.SagaCompleted, map[string]any{"result": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			doc := asMap(t, data[c.kind][0])
			maps.Copy(doc, c.spoil)
			assert.Error(t, compile(t, c.kind).Validate(doc))
		})
	}
}

// What a Go type always writes, the schema requires.
func TestWhatIsMissingIsInvalid(t *testing.T) {
	for k, values := range data {
		s := compile(t, k)
		for _, f := range fields(reflect.TypeOf(values[0])) {
			doc := asMap(t, values[0])
			delete(doc, f.name)
			if f.always {
				assert.Error(t, s.Validate(doc), "%s without %s", k, f.name)
			} else {
				assert.NoError(t, s.Validate(doc), "%s without %s", k, f.name)
			}
		}
	}
}

// The Go types and their comments are the source. A field that is added,
// renamed, commented or given a new value on one side only is found here.
func TestSchemasSayWhatTheGoTypesSay(t *testing.T) {
	source := readSource(t)
	said := map[string]map[string]bool{} // the values of each enumeration, in all schemas
	for k, values := range data {
		text, _ := events.Schema(k)
		var root schema
		require.NoError(t, json.Unmarshal(text, &root))
		var compare func(typ reflect.Type, s schema, where string)
		compare = func(typ reflect.Type, s schema, where string) {
			assert.Equal(t, typ.Name(), s.Title, where)
			assert.Equal(t, source.types[typ.Name()], s.Description, where)
			assert.True(t, s.Additional != nil && *s.Additional, "%s: additionalProperties", where)
			names, required := []string{}, []string{}
			for _, f := range fields(typ) {
				at := where + "." + f.name
				names = append(names, f.name)
				if f.always {
					required = append(required, f.name)
				}
				p := s.Properties[f.name]
				bare := f.typ
				for bare.Kind() == reflect.Pointer {
					bare = bare.Elem()
				}
				want := source.fields[typ.Name()+"."+f.goName]
				if _, is := source.values[bare.Name()]; is {
					if want == "" {
						want = source.types[bare.Name()]
					}
					if said[bare.Name()] == nil {
						said[bare.Name()] = map[string]bool{}
					}
					for _, v := range p.Enum {
						said[bare.Name()][v] = true
					}
					assert.NotEmpty(t, p.Enum, at)
				}
				assert.Equal(t, want, p.Description, at)
				if ref, is := strings.CutPrefix(p.Ref, "#/$defs/"); is {
					assert.Contains(t, root.Defs, ref, at)
					compare(bare, root.Defs[ref], at)
				} else {
					assert.False(t, bare.Kind() == reflect.Struct && bare != reflect.TypeFor[time.Time](), "%s is a struct without a schema", at)
				}
			}
			assert.ElementsMatch(t, names, slices.Collect(maps.Keys(s.Properties)), where)
			assert.ElementsMatch(t, required, s.Required, where)
		}
		compare(reflect.TypeOf(values[0]), root, k.String())
	}
	for name, values := range source.values {
		assert.ElementsMatch(t, values, slices.Collect(maps.Keys(said[name])), "the values of %s", name)
	}
}

type schema struct {
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Ref         string            `json:"$ref"`
	Enum        []string          `json:"enum"`
	Required    []string          `json:"required"`
	Properties  map[string]schema `json:"properties"`
	Additional  *bool             `json:"additionalProperties"`
	Defs        map[string]schema `json:"$defs"`
}

type field struct {
	name, goName string
	always       bool
	typ          reflect.Type
}

func fields(typ reflect.Type) (all []field) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, field{name: name, goName: f.Name, always: !strings.Contains(options, "omit"), typ: f.Type})
	}
	return all
}

// source is what data.go says in comments and constants.
type source struct {
	types  map[string]string   // the comment of each type
	fields map[string]string   // the comment beside each field, by type.field
	values map[string][]string // of each enumeration
}

func readSource(t *testing.T) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "data.go", nil, parser.ParseComments)
	require.NoError(t, err)
	s := source{map[string]string{}, map[string]string{}, map[string][]string{}}
	line := func(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				s.types[spec.Name.Name] = line(group.Doc)
				if body, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range body.Fields.List {
						for _, name := range f.Names {
							s.fields[spec.Name.Name+"."+name.Name] = line(f.Comment)
						}
					}
				}
			case *ast.ValueSpec:
				if typ, ok := spec.Type.(*ast.Ident); ok {
					value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
					require.NoError(t, err)
					s.values[typ.Name] = append(s.values[typ.Name], value)
				}
			}
		}
	}
	require.NotEmpty(t, s.types)
	require.NotEmpty(t, s.fields)
	require.NotEmpty(t, s.values)
	return s
}

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return doc.(map[string]any)
}

// aSubject is some legal subject of a kind.
func aSubject(k events.Kind) events.Subject {
	for _, c := range legal {
		if c.subject.Kind == k {
			s := c.subject
			s.Type, s.ID = "kyc", "42"
			return s
		}
	}
	panic("no subject of kind " + k.String())
}
