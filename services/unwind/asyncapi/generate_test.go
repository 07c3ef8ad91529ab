package asyncapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/config"
	"github.com/unwind-saga/unwind/services/unwind/asyncapi"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A change of the wire is a change of these files. Commit it only when you can say
// why it is right.
func TestGolden(t *testing.T) {
	for file, o := range options(t) {
		t.Run(file, func(t *testing.T) {
			doc, err := asyncapi.Generate(o)
			require.NoError(t, err)
			text, err := doc.YAML()
			require.NoError(t, err)
			path := "testdata/" + file
			if *update {
				require.NoError(t, os.WriteFile(path, text, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text))
		})
	}
}

func options(t *testing.T) map[string]asyncapi.Options {
	t.Helper()
	schema := func(text string) *config.Schema {
		s, err := config.NewSchema("a.json", []byte(text))
		require.NoError(t, err)
		return s
	}
	return map[string]asyncapi.Options{
		"any.yaml": {},
		"trip.yaml": {Saga: "trip", Agents: []config.Config{
			{Agent: "seat", Saga: "trip", TaskSchema: schema(`{"$ref": "#/$defs/trip", "$defs": {"trip": {"type": "object", "required": ["from"]}}}`)},
			{Agent: "card", Saga: "trip", After: []string{"seat"}, FallbackAgents: []string{"cash"}, Pivot: true, ResultSchema: schema(`{"type": "object"}`)},
			{Agent: "cash", Saga: "trip", Step: "card", StandIn: true, Pivot: true},
			{Agent: "mail", Saga: "trip", After: []string{"card"}, Final: true, NeverRefuses: true},
		}},
	}
}

// The document is valid by AsyncAPI's own schema.
func TestValid(t *testing.T) {
	s := official(t)
	for file, o := range options(t) {
		doc, err := asyncapi.Generate(o)
		require.NoError(t, err)
		text, err := doc.JSON()
		require.NoError(t, err)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, s.Validate(v), file)
		v.(map[string]any)["channels"].(map[string]any)["timer-set"].(map[string]any)["addresss"] = "x"
		require.Error(t, s.Validate(v), "the schema lets anything pass")

		printed, err := doc.YAML()
		require.NoError(t, err)
		var same any
		require.NoError(t, yaml.Unmarshal(printed, &same))
		again, err := json.Marshal(same)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(again), "YAML says what JSON says")
	}
}

// official is the JSON Schema of AsyncAPI 3.0.0; testdata/NOTICE says whence.
func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("testdata/asyncapi-3.0.0.schema.json.gz")
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := jsonschema.UnmarshalJSON(unzipped)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("http://asyncapi.com/definitions/3.0.0/asyncapi.json", text))
	s, err := c.Compile("http://asyncapi.com/definitions/3.0.0/asyncapi.json")
	require.NoError(t, err)
	return s
}

// read is a document, as a program reads it.
func read(t *testing.T, o asyncapi.Options) map[string]any {
	t.Helper()
	doc, err := asyncapi.Generate(o)
	require.NoError(t, err)
	text, err := doc.JSON()
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return v.(map[string]any)
}

func at(v any, path ...string) any {
	for _, name := range path {
		v = v.(map[string]any)[name]
	}
	return v
}

// What an agent writes fits what the document says of it: every kind's headers, its
// guard and its data. What lacks its guard does not.
func TestWhatIsWrittenFits(t *testing.T) {
	doc := read(t, asyncapi.Options{})
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	require.NoError(t, c.AddResource("urn:doc", doc))
	for _, k := range events.Kinds() {
		id := strings.ReplaceAll(k.String(), ".", "-")
		at := func(part string) *jsonschema.Schema {
			s, err := c.Compile("urn:doc#/components/messages/" + id + "/" + part)
			require.NoError(t, err, id)
			return s
		}
		message := at("headers")
		e := events.Event{Subject: some(t, k), ID: "an-id", Source: "a@b", Causation: "c", Data: json.RawMessage(`{}`)}
		written, _ := events.Encode(e)
		headers := map[string]any{}
		for name, values := range written {
			headers[name] = values[0]
		}
		guard, guarded := e.Subject.Guard()
		if guarded {
			assert.Error(t, message.Validate(headers), "%s without its guard", k)
			headers["Nats-Expected-Last-Subject-Sequence"] = "0"
			headers["Nats-Expected-Last-Subject-Sequence-Subject"] = guard.String()
		}
		assert.NoError(t, message.Validate(headers), k)
		if guarded {
			headers["Nats-Expected-Last-Subject-Sequence-Subject"] = "saga.kyc.*.completed.42"
			assert.Error(t, message.Validate(headers), "%s with a wildcard for a guard", k)
		}
		examples := doc["components"].(map[string]any)["messages"].(map[string]any)[id].(map[string]any)["examples"].([]any)
		for _, example := range examples {
			assert.NoError(t, message.Validate(example.(map[string]any)["headers"]), k)
			assert.NoError(t, at("payload").Validate(example.(map[string]any)["payload"]), k)
		}
	}
}

// Every subject that events prints matches its channel's address, and no other's.
func TestAddresses(t *testing.T) {
	channels := at(read(t, asyncapi.Options{}), "channels").(map[string]any)
	for _, k := range events.Kinds() {
		printed := some(t, k).String()
		var matched []string
		for id, c := range channels {
			address := at(c, "address").(string)
			expression := regexp.QuoteMeta(address)
			expression = regexp.MustCompile(`\\\{n\\\}`).ReplaceAllString(expression, "[0-9]+")
			expression = regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(expression, "[^.]+")
			if regexp.MustCompile("^"+expression+"$").MatchString(printed) && (strings.Contains(address, "{step}") == (some(t, k).Step != "")) {
				matched = append(matched, id)
			}
		}
		assert.Equal(t, []string{strings.ReplaceAll(k.String(), ".", "-")}, matched, printed)
	}
}

// What is referred to is there.
func TestReferences(t *testing.T) {
	for file, o := range options(t) {
		doc := read(t, o)
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if ref, is := v["$ref"].(string); is {
					assert.NotNil(t, at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), "%s: %s", file, ref)
				}
				for _, e := range v {
					walk(e)
				}
			case []any:
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(doc)
	}
}

func TestOneSagaType(t *testing.T) {
	doc := read(t, options(t)["trip.yaml"])
	operations := at(doc, "operations").(map[string]any)
	for _, id := range []string{
		"seat-receives-submitted", "card-receives-seat-completed", "card-receives-seat-skipped", "cash-receives-card-fallback-cash",
		"cash-receives-card-compensate-cash", "card-sends-committed", "card-sends-card-fallback-cash", "mail-sends-saga-completed",
		"any-agent-receives-unwinding", "any-agent-receives-timer-due", "upstream-sends-submitted", "upstream-receives-saga-completed",
	} {
		assert.Contains(t, operations, id)
	}
	for _, id := range []string{"cash-receives-seat-completed", "mail-sends-committed", "card-sends-saga-completed", "seat-sends-seat-skipped", "cash-sends-card-fallback-cash"} {
		assert.NotContains(t, operations, id)
	}
	assert.Equal(t, "card_forward", at(operations["card-receives-seat-completed"], "bindings", "nats", "queue"))
	assert.Equal(t, "saga.trip.card.compensate-cash.{id}", at(doc, "channels", "card-compensate-cash", "address"))
	assert.Equal(t, "#/components/schemas/task-seat/$defs/trip", at(doc, "components", "schemas", "task-seat", "$ref"))
	assert.Contains(t, at(doc, "components", "messages"), "card-completed", "its result has a schema of its own")
}

func TestMistakes(t *testing.T) {
	_, err := asyncapi.Generate(asyncapi.Options{Saga: "Trip"})
	require.ErrorContains(t, err, `saga type "Trip"`)
	_, err = asyncapi.Generate(asyncapi.Options{Saga: "trip", Agents: []config.Config{{Agent: "seat", Saga: "kyc"}}})
	require.ErrorContains(t, err, `agent "seat" is of saga type "kyc", not "trip"`)
}

// some is a legal subject of a kind.
func some(t *testing.T, k events.Kind) events.Subject {
	t.Helper()
	for _, step := range []string{"", "face"} {
		for _, agent := range []string{"", "lite"} {
			for _, n := range []int{0, 1, 2} {
				s := events.Subject{Type: "kyc", Step: step, Kind: k, N: n, Agent: agent, ID: "42"}
				if s.Validate() == nil {
					return s
				}
			}
		}
	}
	t.Fatalf("no subject of %s", k)
	return events.Subject{}
}

// Every kind's data has a schema among the files, and every file compiles.
func TestFiles(t *testing.T) {
	schema, err := config.NewSchema("a.json", []byte(`{"type": "object"}`))
	require.NoError(t, err)
	list, err := asyncapi.Files([]config.Config{{Agent: "seat", Saga: "trip", TaskSchema: schema, ResultSchema: schema}})
	require.NoError(t, err)
	var of []string
	for _, f := range list {
		of = append(of, strings.Split(f.Of, ", ")...)
		_, err := config.NewSchema(f.Name, f.Text)
		assert.NoError(t, err, f.Name)
	}
	want := []string{"task of agent seat", "result of agent seat"}
	for _, k := range events.Kinds() {
		want = append(want, "headers of "+k.String())
		if k != events.Submitted { // may be anything
			want = append(want, k.String())
		}
	}
	assert.ElementsMatch(t, want, of)
}
