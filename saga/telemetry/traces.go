package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// conventions is the version of the semantic conventions that is kept.
const conventions = semconv.SchemaURL

// spans tells what an instance does as a tree of spans.
type spans struct{ tracer trace.Tracer }

// w3c reads and writes the headers. The events have no others, whatever
// OTEL_PROPAGATORS says.
var w3c propagation.TraceContext

// from is a context with the span that a message was written in.
func from(ctx context.Context, t agent.Trace) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{"traceparent": t.Parent, "tracestate": t.State})
}

// to is what a message that is written in a span carries: of a trace that is not
// recorded, too, so that nobody begins one in the middle of a saga.
func to(ctx context.Context) agent.Trace {
	headers := propagation.MapCarrier{}
	w3c.Inject(ctx, headers)
	return agent.Trace{Parent: headers["traceparent"], State: headers["tracestate"]}
}

// heard begins the span of a message: below the one that wrote it, and linked to it.
func (s *spans) heard(ctx context.Context, h agent.Heard) (context.Context, func(agent.Settled)) {
	if s == nil {
		return ctx, nil
	}
	d, began := h.Delivery, time.Now()
	name := template(d.Subject, d)
	ctx = from(ctx, h.Trace())
	origin := trace.SpanContextFromContext(ctx)
	ctx, span := s.tracer.Start(ctx, "process "+name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began))
	if !span.IsRecording() {
		return ctx, nil // most of them, where one saga in so many is traced: nothing more is spent on these
	}
	if origin.IsValid() {
		span.AddLink(trace.Link{SpanContext: origin})
	}
	span.SetAttributes(messaging("process", name, "")...)
	span.SetAttributes(place(h.Who)...)
	span.SetAttributes(
		semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(d.Subject),
		semconv.MessagingConsumerGroupName(h.Consumer),
		semconv.MessagingClientID(h.Instance),
		Purpose.String(string(h.Purpose)),
		Direction.String(direction(d)),
		Sequence.Int64(int64(d.Seq)), //nolint:gosec // a stream has no so many messages
		SagaID.String(d.Event.Subject.ID+d.Timer.ID),
		semconv.MessagingMessageConversationID(d.Event.Subject.ID+d.Timer.ID),
	)
	if d.Event.ID != "" {
		span.SetAttributes(semconv.MessagingMessageID(d.Event.ID))
	}
	if d.Redelivered {
		span.SetAttributes(Redelivered.Bool(true))
	}
	return ctx, func(e agent.Settled) {
		span.SetAttributes(Settled.String(string(e.How)))
		if e.Err != nil {
			span.SetAttributes(semconv.ErrorTypeKey.String(string(e.How)))
			span.SetStatus(codes.Error, string(e.How))
		}
		span.End(over(began, e.Took))
	}
}

// called begins the span that is current while a function of the handler runs.
func (s *spans) called(ctx context.Context, c agent.Call) (context.Context, func(agent.Returned)) {
	if s == nil {
		return ctx, nil
	}
	way, began := Forward, time.Now()
	if c.Undoing {
		way = Back
	}
	ctx, span := s.tracer.Start(ctx, verb(c)+" "+c.Step, trace.WithTimestamp(began))
	if !span.IsRecording() {
		return ctx, nil
	}
	span.SetAttributes(place(c.Who)...)
	span.SetAttributes(SagaID.String(c.Saga), Attempt.Int(c.Attempt), Direction.String(way))
	if c.Cause != "" {
		span.SetAttributes(Cause.String(string(c.Cause)))
	}
	return ctx, func(r agent.Returned) {
		span.SetAttributes(Outcome.String(string(r.How)))
		if r.How == agent.CallFailed {
			span.SetAttributes(semconv.ErrorTypeKey.String(r.Code), Class.String(string(r.Class)))
			span.SetStatus(codes.Error, string(r.Class)+": "+r.Code)
		}
		span.End(over(began, r.Took))
	}
}

// writes begins the span of an append, whose context the event carries.
func (s *spans) writes(ctx context.Context, w agent.Writing) (context.Context, agent.Trace, func(agent.Written)) {
	if s == nil {
		return ctx, agent.Trace{}, nil
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = from(ctx, agent.Trace{Parent: w.Cause.TraceParent, State: w.Cause.TraceState})
	}
	e, began := w.Event, time.Now()
	name := eventTemplate(e.Subject.String())
	way := directionOf(e.Subject.Kind)
	if way == Back {
		// What was asked forward has turned.
		trace.SpanFromContext(ctx).SetAttributes(Direction.String(Back))
	}
	below, span := s.tracer.Start(ctx, "publish "+name, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(began))
	if !span.IsRecording() {
		return below, to(below), nil
	}
	span.SetAttributes(messaging("publish", name, "")...)
	span.SetAttributes(place(w.Who)...)
	span.SetAttributes(said(w.Data)...)
	span.SetAttributes(
		semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(e.Subject.String()),
		semconv.MessagingMessageID(e.ID),
		semconv.MessagingMessageConversationID(e.Subject.ID),
		semconv.MessagingClientID(w.Instance),
		semconv.MessagingMessageBodySize(len(e.Data)),
		SagaID.String(e.Subject.ID),
		Direction.String(way),
	)
	return below, to(below), func(is agent.Written) {
		switch {
		case is.Err != nil:
			span.SetAttributes(semconv.ErrorTypeKey.String("unacknowledged"))
			span.SetStatus(codes.Error, "nobody knows whether it is stored")
		case is.Refused:
			span.SetAttributes(Refused.Bool(true))
		default:
			span.SetAttributes(Sequence.Int64(int64(is.Seq))) //nolint:gosec // a stream has no so many messages
		}
		span.End(over(began, is.Took))
	}
}

// over is when something ended: what ends is told a little later.
func over(began time.Time, took time.Duration) trace.SpanEndOption {
	return trace.WithTimestamp(began.Add(took))
}

// said is what an event says that is worth to be found by.
func said(data any) []attribute.KeyValue {
	switch d := data.(type) {
	case events.Claim:
		return []attribute.KeyValue{Cause.String(string(d.Cause))}
	case events.Failure:
		return []attribute.KeyValue{
			Class.String(string(d.Class)), semconv.ErrorTypeKey.String(d.Error.Code), Outcome.String(string(d.Then)), Next.String(d.Next),
		}
	case events.UndoFailure:
		return []attribute.KeyValue{semconv.ErrorTypeKey.String(d.Error.Code), Outcome.String(string(d.Then))}
	case events.Turn:
		return []attribute.KeyValue{Reason.String(string(d.Reason))}
	case events.UndoOrder:
		return []attribute.KeyValue{Reason.String(string(d.Reason)), Attempt.Int(d.Attempt)}
	case events.Undone:
		return []attribute.KeyValue{Outcome.String(string(d.Found))}
	default:
		return nil
	}
}

// sets notes when a next try is due, in the span that decided on it.
func (s *spans) sets(ctx context.Context, t events.Timer) agent.Trace {
	if t.What == events.RetryTimer || t.What == events.UndoTimer {
		trace.SpanFromContext(ctx).AddEvent(string(t.What)+" "+t.To, trace.WithAttributes(
			Attempt.Int(t.N), Agent.String(t.To), Due.String(t.Due.UTC().Format(time.RFC3339Nano)),
		))
	}
	return to(ctx)
}
