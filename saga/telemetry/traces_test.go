package telemetry_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/telemetry"
)

var update = flag.Bool("update", false, "write what is wanted anew")

// upstream is the trace in which the task was submitted.
const upstream = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestOneTrace: a saga over five agents is one tree of spans: there and back, with
// a retry, a stand-in and an undoing that fails once.
func TestOneTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	play(t, kyc(), func(string) agent.Observer {
		// Each has a provider of its own, as in a process of its own.
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		o, err := telemetry.NewObserver(provider, noop.NewMeterProvider())
		require.NoError(t, err)
		return o
	}, func(log *eventtest.Log) { submit(t, log, "1", events.Header{"traceparent": {upstream}}) })
	golden(t, "testdata/trace.txt", tree(t, spans.GetSpans()))
}

// TestConventions: what the conventions ask of a span of each kind.
func TestConventions(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	o, err := telemetry.NewObserver(provider, noop.NewMeterProvider())
	require.NoError(t, err)
	who := agent.Who{Type: "kyc", Step: "scan", Agent: "scan-lite", Instance: "scan-lite@1"}
	subject := events.Subject{Type: "kyc", Step: "scan", Kind: events.Fallback, Agent: "scan-lite", ID: "42"}
	ctx, settled := o.Heard(context.Background(), agent.Heard{
		Who: who, Purpose: events.ForForward, Consumer: "scan-lite_forward",
		Delivery: events.Delivery{Subject: subject.String(), Seq: 7, Redelivered: true, Event: events.Event{Subject: subject, ID: "e-1", TraceParent: upstream}},
	})
	written := events.Subject{Type: "kyc", Step: "scan", Kind: events.Failed, N: 2, ID: "42"}
	stamp, done := o.Writes(ctx, agent.Writing{
		Who: who, Event: events.Event{Subject: written, ID: "e-2", Data: []byte(`{}`)},
		Data: events.Failure{Error: events.Error{Code: "http_500", Message: "never told"}, Class: events.Transient, Then: events.ThenRetry},
	})
	done(agent.Written{Seq: 9})
	settled(agent.Settled{How: agent.Acknowledged})
	list := spans.GetSpans()
	require.Len(t, list, 2)
	publish, process := list[0], list[1]

	assert.Equal(t, "process saga.kyc.scan.fallback-scan-lite.{id}", process.Name)
	assert.Equal(t, trace.SpanKindConsumer, process.SpanKind)
	assert.Equal(t, "b7ad6b7169203331", process.Parent.SpanID().String())
	require.Len(t, process.Links, 1)
	assert.Equal(t, process.Parent.SpanID(), process.Links[0].SpanContext.SpanID())
	assert.Equal(t, map[string]string{
		"messaging.system": "nats", "messaging.operation.name": "process", "messaging.operation.type": "process",
		"messaging.destination.name": subject.String(), "messaging.destination.template": "saga.kyc.scan.fallback-scan-lite.{id}",
		"messaging.message.id": "e-1", "messaging.message.conversation_id": "42", "messaging.consumer.group.name": "scan-lite_forward",
		"messaging.client.id": "scan-lite@1", "unwind.saga.type": "kyc", "unwind.saga.id": "42", "unwind.step": "scan",
		"unwind.agent": "scan-lite", "unwind.purpose": "forward", "unwind.direction": "forward", "unwind.sequence": "7",
		"unwind.redelivered": "true", "unwind.settled": "acknowledged",
	}, attributes(process.Attributes))

	assert.Equal(t, "publish saga.kyc.scan.failed-{n}.{id}", publish.Name)
	assert.Equal(t, trace.SpanKindProducer, publish.SpanKind)
	assert.Equal(t, process.SpanContext.SpanID(), publish.Parent.SpanID())
	assert.Equal(t, "00-"+publish.SpanContext.TraceID().String()+"-"+publish.SpanContext.SpanID().String()+"-01", stamp.Parent)
	assert.Equal(t, map[string]string{
		"messaging.system": "nats", "messaging.operation.name": "publish", "messaging.operation.type": "send",
		"messaging.destination.name": written.String(), "messaging.destination.template": "saga.kyc.scan.failed-{n}.{id}",
		"messaging.message.id": "e-2", "messaging.message.conversation_id": "42", "messaging.client.id": "scan-lite@1",
		"messaging.message.body.size": "2", "unwind.saga.type": "kyc", "unwind.saga.id": "42", "unwind.step": "scan",
		"unwind.agent": "scan-lite", "unwind.direction": "forward", "unwind.sequence": "9", "unwind.error.class": "transient",
		"error.type": "http_500", "unwind.outcome": "retry", "unwind.next": "",
	}, attributes(publish.Attributes))
}

func attributes(list []attribute.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

// tree prints spans with those below them: by their beginning, and else by name.
func tree(t *testing.T, spans tracetest.SpanStubs) string {
	t.Helper()
	below := map[string][]tracetest.SpanStub{}
	known := map[string]bool{}
	first := spans[0].StartTime
	for _, s := range spans {
		known[s.SpanContext.SpanID().String()] = true
		if s.StartTime.Before(first) {
			first = s.StartTime
		}
	}
	for _, s := range spans {
		require.Equal(t, upstream[3:35], s.SpanContext.TraceID().String(), "%s is in another trace", s.Name)
		parent := s.Parent.SpanID().String()
		if !known[parent] {
			require.Equal(t, upstream[36:52], parent, "nobody is above %s", s.Name)
		}
		if strings.HasPrefix(s.Name, "process ") {
			require.Len(t, s.Links, 1, s.Name)
			require.Equal(t, s.Parent.SpanID(), s.Links[0].SpanContext.SpanID(), s.Name)
		}
		below[parent] = append(below[parent], s)
	}
	var b strings.Builder
	var print func(parent, indent string)
	print = func(parent, indent string) {
		list := below[parent]
		slices.SortFunc(list, func(a, b tracetest.SpanStub) int {
			return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(line(a, first), line(b, first)))
		})
		for _, s := range list {
			fmt.Fprintln(&b, indent+line(s, first))
			for _, e := range s.Events {
				fmt.Fprintf(&b, "%s    * %s due %s\n", indent, e.Name, attributes(e.Attributes)["unwind.due"][11:])
			}
			print(s.SpanContext.SpanID().String(), indent+"  ")
		}
	}
	print(upstream[36:52], "")
	return b.String()
}

func line(s tracetest.SpanStub, first time.Time) string {
	a := attributes(s.Attributes)
	text := fmt.Sprintf("%s @%s", s.Name, s.StartTime.Sub(first))
	if d := s.EndTime.Sub(s.StartTime); d > 0 {
		text += " +" + d.String()
	}
	if strings.HasPrefix(s.Name, "process") && a["unwind.purpose"] != "unwinding" && a["unwind.purpose"] != "clock" {
		text += " by " + a["unwind.agent"] // else any of them
	}
	if a["unwind.direction"] == telemetry.Back {
		text += " back"
	}
	if s.Status.Code == codes.Error {
		text += " ERROR " + s.Status.Description
	}
	if a["unwind.refused"] == "true" {
		text += " refused"
	}
	return text
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run the test with -update, and read the difference")
}
