package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/events"
)

// schemas gathers the schemas of a document. Those of events stand each for
// itself, with what they refer to inside; here each type stands once, under its
// name.
type schemas struct{ all Object }

const schemaPath = "#/components/schemas/"

// data adds the schema of a kind's data, and returns a reference to it. The task
// has none: it may be anything.
func (s *schemas) data(k events.Kind) (any, error) {
	text, ok := events.Schema(k)
	if !ok {
		return Object{{"description", "any JSON"}}, nil
	}
	o, err := object(text)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", k, err)
	}
	defs, _ := o.Get("$defs").(Object)
	titles := map[string]string{}
	for _, d := range defs {
		titles["#/$defs/"+d.Name], _ = d.Value.(Object).Get("title").(string)
	}
	for _, d := range append(defs, Member{Value: o}) {
		if err := s.add(d.Value.(Object), titles); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", k, err)
		}
	}
	return Object{{"$ref", schemaPath + o.Get("title").(string)}}, nil
}

// add puts a schema under its title.
func (s *schemas) add(o Object, titles map[string]string) error {
	title, _ := o.Get("title").(string)
	kept := Object{}
	for _, m := range o {
		if m.Name != "$schema" && m.Name != "$id" && m.Name != "$defs" {
			kept = append(kept, Member{m.Name, hoisted(m.Value, titles)})
		}
	}
	if had := s.all.Get(title); had != nil {
		one, _ := marshal(had)
		other, _ := marshal(kept)
		if !bytes.Equal(one, other) {
			return fmt.Errorf("two types are called %q", title)
		}
	}
	s.all.Set(title, kept)
	return nil
}

// hoisted refers to types by their titles. A reference with something beside it is
// wrapped: draft 7, which AsyncAPI speaks, would not see the rest.
func hoisted(v any, titles map[string]string) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, hoisted(e, titles))
		}
		return list
	case Object:
		o := Object{}
		for _, m := range v {
			value := hoisted(m.Value, titles)
			if ref, is := m.Value.(string); is && m.Name == "$ref" {
				value = schemaPath + titles[ref]
				if len(v) > 1 {
					o = append(o, Member{"allOf", []any{Object{{"$ref", value}}}})
					continue
				}
			}
			o = append(o, Member{m.Name, value})
		}
		return o
	default:
		return v
	}
}

// own adds a schema of an agent's own under a name, and returns a reference to it.
// What it refers to in itself is found in its new place.
func (s *schemas) own(name string, text json.RawMessage) (any, error) {
	o, err := object(text)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	if o == nil { // true or false
		return text, nil
	}
	kept := Object{}
	for _, m := range moved(o, schemaPath+name).(Object) {
		if m.Name != "$schema" && m.Name != "$id" {
			kept = append(kept, m)
		}
	}
	s.all.Set(name, kept)
	return Object{{"$ref", schemaPath + name}}, nil
}

func moved(v any, to string) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, moved(e, to))
		}
		return list
	case Object:
		o := Object{}
		for _, m := range v {
			value := moved(m.Value, to)
			if ref, is := m.Value.(string); is && m.Name == "$ref" && strings.HasPrefix(ref, "#") {
				value = to + strings.TrimPrefix(ref, "#")
			}
			o = append(o, Member{m.Name, value})
		}
		return o
	default:
		return v
	}
}

// headers is the schema of a kind's headers: CloudEvents in binary mode, and the
// guard.
func headers(s slot) Object {
	e := events.Event{
		Subject: s.subject(), ID: "x", Source: "x", Causation: "x", TraceParent: "x", TraceState: "x", Rerun: &events.Rerun{Of: "x", Reason: "x"},
	}
	written, _ := events.Encode(e)
	properties, required := Object{}, []string{}
	for _, h := range ceHeaders {
		if _, is := written[h.name]; !is || h.only != 0 && h.only != s.kind {
			continue
		}
		p := Object{{"type", "string"}}
		if h.fixed {
			p.Set("const", written[h.name][0])
		}
		p.Set("description", h.means)
		properties.Set(h.name, p)
		if h.always && !bare(s.kind) {
			required = append(required, h.name)
		}
	}
	if guard := s.guard(); guard != "" {
		properties.Set(guardSequence, Object{{"type", "string"}, {"const", "0"}, {"description", "The slot in " + guardSubject + " must be free."}})
		properties.Set(guardSubject, Object{
			{"type", "string"}, {"pattern", pattern(guard)}, {"description", "Always a literal subject: " + guard},
			{"x-unwind-guard", guard},
		})
		required = append(required, guardSequence, guardSubject)
	}
	o := Object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		o.Set("required", required)
	}
	return o
}

const (
	guardSequence = "Nats-Expected-Last-Subject-Sequence"
	guardSubject  = "Nats-Expected-Last-Subject-Sequence-Subject"
)

// ceHeaders is what the headers mean. They are lower case when they are written,
// and read whatever their case.
var ceHeaders = []struct {
	name, means   string
	fixed, always bool
	only          events.Kind
}{
	{name: "ce-specversion", means: "CloudEvents 1.0, binary mode", fixed: true, always: true},
	{name: "ce-type", means: "the kind of event; the subject is the authority", fixed: true, always: true},
	{name: "ce-id", means: "unique to this append: an event that is written again keeps it, a decision that is taken again has another", always: true},
	{name: "ce-source", means: "the agent's instance, or who else writes it", always: true},
	{name: "ce-subject", means: "the saga's id", always: true},
	{name: "ce-correlationid", means: "the saga's id", always: true},
	{name: "ce-causationid", means: "the ce-id of the event that caused this one"},
	{name: "ce-rerunof", means: "the id of the saga whose task this is", only: events.Submitted},
	{name: "ce-rerunreason", means: "why it is run again", only: events.Submitted},
	{name: "traceparent", means: "W3C trace context, of the cause or of the work"},
	{name: "tracestate", means: "W3C trace context"},
}
