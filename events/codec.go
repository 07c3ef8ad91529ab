package events

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Header is what a message carries beside its body. It has the shape of
// nats.Header and http.Header.
type Header map[string][]string

// Get finds a header whatever its case: brokers, bridges and languages differ
// in how they spell Ce-Id.
func (h Header) Get(name string) string {
	if v, ok := h[name]; ok && len(v) > 0 {
		return v[0]
	}
	for k, v := range h {
		if len(v) > 0 && strings.EqualFold(k, name) {
			return v[0]
		}
	}
	return ""
}

const (
	specVersion    = "1.0"
	typePrefix     = "dev.unwind."
	structuredType = "application/cloudevents"
)

// Encode writes an event in CloudEvents' binary mode: attributes become ce-*
// headers, and the body is the data.
func Encode(e Event) (Header, []byte) {
	h := make(Header, 8)
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{escape(value)}
		}
	}
	set("ce-specversion", specVersion)
	set("ce-id", e.ID)
	set("ce-type", typePrefix+e.Subject.Kind.String())
	set("ce-source", e.Source)
	set("ce-subject", e.Subject.ID)
	set("ce-correlationid", e.Subject.ID)
	set("ce-causationid", e.Causation)
	if e.Rerun != nil {
		set("ce-rerunof", e.Rerun.Of)
		set("ce-rerunreason", e.Rerun.Reason)
	}
	h.trace(e.TraceParent, e.TraceState)
	return h, e.Data
}

// trace sets the headers of W3C's trace context. They are not CloudEvents': every
// tracer reads them verbatim, so what would have to be escaped is no trace context,
// and is dropped.
func (h Header) trace(parent, state string) {
	if parent != "" && printable(parent) {
		h["traceparent"] = []string{parent}
	}
	if state != "" && printable(state) {
		h["tracestate"] = []string{state}
	}
}

// Decode reads an event in binary or structured mode, or with no attributes at
// all. Only a subject that is no event's subject is an error: what a body says
// is judged by those who need it.
func Decode(subject string, h Header, body []byte, seq uint64, at time.Time) (Event, error) {
	s, err := Parse(subject)
	if err != nil {
		return Event{}, err
	}
	e := Event{Subject: s, Seq: seq, Time: at, Data: body}
	if structured(h) && e.unwrap(body) {
		return e, nil
	}
	e.ID = unescape(h.Get("ce-id"))
	e.Source = unescape(h.Get("ce-source"))
	e.Causation = unescape(h.Get("ce-causationid"))
	e.TraceParent = h.Get("traceparent")
	e.TraceState = h.Get("tracestate")
	e.rerun(unescape(h.Get("ce-rerunof")), unescape(h.Get("ce-rerunreason")))
	e.name()
	return e, nil
}

func structured(h Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("content-type")), structuredType)
}

// unwrap reads the envelope of structured mode. A body that is none is left to
// be the data, so that its reader can say what is wrong with it.
func (e *Event) unwrap(body []byte) bool {
	var envelope struct {
		SpecVersion string          `json:"specversion"`
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Causation   string          `json:"causationid"`
		TraceParent string          `json:"traceparent"`
		TraceState  string          `json:"tracestate"`
		RerunOf     string          `json:"rerunof"`
		RerunReason string          `json:"rerunreason"`
		Data        json.RawMessage `json:"data"`
		Base64      []byte          `json:"data_base64"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.SpecVersion == "" {
		return false
	}
	e.ID, e.Source, e.Causation = envelope.ID, envelope.Source, envelope.Causation
	e.TraceParent, e.TraceState = envelope.TraceParent, envelope.TraceState
	e.rerun(envelope.RerunOf, envelope.RerunReason)
	if e.Data = envelope.Data; e.Data == nil {
		e.Data = envelope.Base64
	}
	e.name()
	return true
}

// rerun reads which saga's task this one is.
func (e *Event) rerun(of, reason string) {
	if of != "" {
		e.Rerun = &Rerun{Of: of, Reason: reason}
	}
}

// name gives an event without an id one that everybody derives alike.
func (e *Event) name() {
	if e.ID == "" {
		e.ID = fmt.Sprintf("seq-%d", e.Seq)
	}
}

// printable reports whether a header may carry a value as it is.
func printable(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// escape percent-encodes what a header may not carry, by the rule of the
// CloudEvents HTTP and NATS bindings: everything but printable ASCII, and the
// space, the quote and the percent sign.
func escape(value string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unescape(value string) string {
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}
