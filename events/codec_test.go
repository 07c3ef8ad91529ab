package events_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
)

const taskWire = "saga.kyc.task.submitted.42"

var at = time.Date(2026, 3, 14, 15, 9, 26, 535, time.UTC)

func TestEncode(t *testing.T) {
	h, body := events.Encode(events.Event{
		Subject: events.Subject{Type: "kyc", Step: "face", Kind: events.Failed, N: 2, ID: "42"},
		Seq:     7, Time: at,
		ID: "id", Source: "face@host 1", Causation: "cause",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState: `a=100%25 "b", c=d`,
		Data: json.RawMessage(`{"agent":"face"}`),
	})
	assert.JSONEq(t, `{"agent":"face"}`, string(body))
	assert.Equal(t, events.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"id"}, "ce-type": {"dev.unwind.failed"}, "ce-source": {"face@host%201"},
		"ce-subject": {"42"}, "ce-correlationid": {"42"}, "ce-causationid": {"cause"},
		"traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "tracestate": {`a=100%25 "b", c=d`},
	}, h)
}

func TestEncodeLeavesOutWhatIsEmpty(t *testing.T) {
	h, body := events.Encode(events.Event{Subject: events.TaskSubject("kyc", "42"), ID: "id"})
	assert.Empty(t, body)
	assert.Equal(t, events.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"id"}, "ce-type": {"dev.unwind.submitted"}, "ce-subject": {"42"}, "ce-correlationid": {"42"},
	}, h)
}

func TestARerunSaysWhoseTaskItIs(t *testing.T) {
	e := events.Event{Subject: events.TaskSubject("kyc", "43"), ID: "id", Rerun: &events.Rerun{Of: "42", Reason: "the model is mended"}, Data: json.RawMessage(`{}`)}
	h, body := events.Encode(e)
	assert.Equal(t, "42", h.Get("ce-rerunof"))
	assert.Equal(t, "the%20model%20is%20mended", h.Get("ce-rerunreason"))
	got, err := events.Decode("saga.kyc.task.submitted.43", h, body, 0, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, e, got)
	got, err = events.Decode("saga.kyc.task.submitted.43", events.Header{"content-type": {"application/cloudevents+json"}},
		[]byte(`{"specversion": "1.0", "id": "id", "rerunof": "42", "rerunreason": "the model is mended", "data": {}}`), 0, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, e, got)
}

// A line break in a header would be another header.
func TestEncodeLetsNothingBreakOut(t *testing.T) {
	evil := "x\r\nce-id: other"
	h, _ := events.Encode(events.Event{Subject: events.TaskSubject("kyc", "42"), ID: evil, Source: evil, Causation: evil, TraceParent: evil, TraceState: evil})
	for name, values := range h {
		for _, v := range values {
			assert.NotContains(t, v, "\n", name)
		}
	}
	assert.NotContains(t, h, "traceparent")
	assert.NotContains(t, h, "tracestate")
}

func TestPercentEncoding(t *testing.T) {
	for plain, wire := range map[string]string{
		"a b": "a%20b", `a"b`: "a%22b", "100%": "100%25", "Ü": "%C3%9C", "€": "%E2%82%AC", "😀": "%F0%9F%98%80",
		"\x00\x7f": "%00%7F", "\xff": "%FF", "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~": "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~",
	} {
		h, _ := events.Encode(events.Event{Subject: events.TaskSubject("kyc", "42"), Source: plain})
		assert.Equal(t, []string{wire}, h["ce-source"])
		e, err := events.Decode(taskWire, h, nil, 1, at)
		require.NoError(t, err)
		assert.Equal(t, plain, e.Source)
	}
}

func TestDecode(t *testing.T) {
	full := events.Event{ID: "id", Source: "me too", Causation: "cause", TraceParent: "parent", TraceState: "a=%41", Data: json.RawMessage(`{"name":"Ada"}`)}
	for name, c := range map[string]struct {
		header events.Header
		body   string
		want   events.Event
	}{
		"binary": {
			events.Header{"ce-id": {"id"}, "ce-source": {"me%20too"}, "ce-causationid": {"cause"}, "traceparent": {"parent"}, "tracestate": {"a=%41"}},
			`{"name":"Ada"}`, full,
		},
		"binary, as some brokers spell it": {
			events.Header{"Ce-Id": {"id"}, "CE-SOURCE": {"me too"}, "cE-cAUSATIONiD": {"cause"}, "Traceparent": {"parent"}, "TraceState": {"a=%41"}},
			`{"name":"Ada"}`, full,
		},
		"binary, with a content type": {
			events.Header{"content-type": {"application/json"}, "ce-id": {"id"}}, `{"data": {}, "specversion": "1.0", "id": "other"}`,
			events.Event{ID: "id", Data: json.RawMessage(`{"data": {}, "specversion": "1.0", "id": "other"}`)},
		},
		"binary, of another type and subject": {
			events.Header{"ce-id": {"id"}, "ce-type": {"dev.unwind.rejected"}, "ce-subject": {"43"}, "ce-correlationid": {"43"}}, `{}`,
			events.Event{ID: "id", Data: json.RawMessage(`{}`)},
		},
		"binary, with a percent sign that nobody encoded": {
			events.Header{"ce-id": {"100%"}, "ce-source": {"%zz"}}, `{}`, events.Event{ID: "100%", Source: "%zz", Data: json.RawMessage(`{}`)},
		},
		"structured": {
			events.Header{"Content-Type": {"Application/CloudEvents+JSON; charset=UTF-8"}},
			`{"specversion":"1.0","id":"id","source":"me too","causationid":"cause","traceparent":"parent","tracestate":"a=%41","data":{"name":"Ada"}}`, full,
		},
		"structured, of another type and subject": {
			events.Header{"content-type": {"application/cloudevents+json"}},
			`{"specversion":"1.0","id":"id","type":"dev.unwind.rejected","subject":"43","data":1}`, events.Event{ID: "id", Data: json.RawMessage(`1`)},
		},
		"structured, with binary data": {
			events.Header{"content-type": {"application/cloudevents+json"}},
			`{"specversion":"1.0","id":"id","data_base64":"eyJuYW1lIjoiQWRhIn0="}`, events.Event{ID: "id", Data: json.RawMessage(`{"name":"Ada"}`)},
		},
		"structured, without an id or data": {
			events.Header{"content-type": {"application/cloudevents+json"}}, `{"specversion":"1.0"}`, events.Event{ID: "seq-7"},
		},
		"structured, but broken": {
			events.Header{"content-type": {"application/cloudevents+json"}, "ce-id": {"id"}}, `{"specversion":"1.0"`,
			events.Event{ID: "id", Data: json.RawMessage(`{"specversion":"1.0"`)},
		},
		"structured, but no envelope": {
			events.Header{"content-type": {"application/cloudevents+json"}}, `{"name":"Ada"}`, events.Event{ID: "seq-7", Data: json.RawMessage(`{"name":"Ada"}`)},
		},
		"a batch is no event": {
			events.Header{"content-type": {"application/cloudevents-batch+json"}}, `[{"specversion":"1.0"}]`,
			events.Event{ID: "seq-7", Data: json.RawMessage(`[{"specversion":"1.0"}]`)},
		},
		"bare":               {nil, `{"name":"Ada"}`, events.Event{ID: "seq-7", Data: json.RawMessage(`{"name":"Ada"}`)}},
		"bare, and no JSON":  {events.Header{}, "Ada", events.Event{ID: "seq-7", Data: json.RawMessage("Ada")}},
		"bare, and empty":    {events.Header{"ce-id": {}}, "", events.Event{ID: "seq-7", Data: json.RawMessage{}}},
		"bare, empty header": {events.Header{"ce-id": {""}}, "", events.Event{ID: "seq-7", Data: json.RawMessage{}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := events.Decode(taskWire, c.header, []byte(c.body), 7, at)
			require.NoError(t, err)
			c.want.Subject, c.want.Seq, c.want.Time = events.TaskSubject("kyc", "42"), 7, at
			assert.Equal(t, c.want, got)
		})
	}
}

func TestDecodeForeignSubject(t *testing.T) {
	e, err := events.Decode("saga.kyc.face.exploded.42", events.Header{"ce-id": {"id"}}, []byte("{}"), 1, at)
	assert.EqualError(t, err, `parse subject "saga.kyc.face.exploded.42": no event "exploded" of "face"`)
	assert.Zero(t, e)
}

func TestNew(t *testing.T) {
	cause := events.Event{ID: "cause", Source: "other", TraceParent: "parent", TraceState: "state", Seq: 7, Time: at}
	first, err := events.New(events.TaskSubject("kyc", "42"), "me", cause, map[string]int{"a": 1})
	require.NoError(t, err)
	second, err := events.New(events.TaskSubject("kyc", "42"), "me", cause, map[string]int{"a": 1})
	require.NoError(t, err)
	assert.NotEqual(t, first.ID, second.ID)
	second.ID = first.ID
	assert.Equal(t, first, second)
	assert.Equal(t, events.Event{
		Subject: events.TaskSubject("kyc", "42"), ID: first.ID, Source: "me",
		Causation: "cause", TraceParent: "parent", TraceState: "state", Data: json.RawMessage(`{"a":1}`),
	}, first)

	_, err = events.New(events.TaskSubject("kyc", "42"), "me", cause, math.NaN())
	assert.ErrorContains(t, err, "encode data of saga.kyc.task.submitted.42: json: unsupported value: NaN")
}

func TestUnpack(t *testing.T) {
	e := events.Event{Subject: events.LatchSubject("kyc", "42"), Data: json.RawMessage(`{"reason":"deadline","by":"me","more":1}`)}
	var turn events.Turn
	require.NoError(t, e.Unpack(&turn))
	assert.Equal(t, events.Turn{Reason: events.ReasonDeadline, By: "me"}, turn)
	e.Data = json.RawMessage(`{"reason":1}`)
	assert.ErrorContains(t, e.Unpack(&turn), "decode data of saga.kyc.saga.unwinding.42: json: ")
	e.Data = nil
	assert.Error(t, e.Unpack(&turn))
}

func TestRefusal(t *testing.T) {
	completed := events.Subject{Type: "kyc", Step: "face", Kind: events.Completed, ID: "42"}
	guarded := &events.Refusal{Subject: completed, Reason: events.ErrGuarded, Seq: 7}
	assert.EqualError(t, guarded, "append saga.kyc.face.completed.42: saga.kyc.saga.unwinding.42 stands against it")
	assert.ErrorIs(t, guarded, events.ErrGuarded)
	taken := &events.Refusal{Subject: completed, Reason: events.ErrTaken, Seq: 7}
	assert.EqualError(t, taken, "append saga.kyc.face.completed.42: it is written already")
	assert.ErrorIs(t, taken, events.ErrTaken)
}

func FuzzDecode(f *testing.F) {
	f.Add(taskWire, "application/cloudevents+json", "id", "source", "parent", `{"specversion":"1.0","data":{}}`)
	f.Add(taskWire, "", "", "me%20too", "", "{}")
	f.Add("saga.kyc.face.failed-1.42", "application/json", "%", "Ü\r\n", "00-1-2", "")
	f.Add("nonsense", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, subject, contentType, id, source, trace, body string) {
		h := events.Header{"Content-Type": {contentType}, "Ce-Id": {id}, "Ce-Source": {source}, "Traceparent": {trace}}
		e, err := events.Decode(subject, h, []byte(body), 7, at)
		s, wrong := events.Parse(subject)
		require.Equal(t, wrong == nil, err == nil)
		if err != nil {
			assert.Zero(t, e)
			return
		}
		assert.Equal(t, s, e.Subject)
		assert.NotEmpty(t, e.ID)

		// What was read can be written, and reads the same.
		written, data := events.Encode(e)
		for name, values := range written {
			for _, v := range values {
				assert.NotContains(t, v, "\n", name)
				assert.NotContains(t, v, "\r", name)
			}
		}
		back, err := events.Decode(subject, written, data, 7, at)
		require.NoError(t, err)
		if strings.ContainsFunc(e.TraceParent, func(r rune) bool { return r < ' ' || r > '~' }) {
			e.TraceParent = ""
		}
		if strings.ContainsFunc(e.TraceState, func(r rune) bool { return r < ' ' || r > '~' }) {
			e.TraceState = ""
		}
		assert.Equal(t, e, back)
	})
}
