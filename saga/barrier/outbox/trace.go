package outbox

import (
	"context"

	"github.com/unwind-saga/unwind/events"
)

type traceKey struct{}

type traceContext struct{ parent, state string }

// WithTrace adds a W3C trace context to ctx, for Put: the saga will continue it.
func WithTrace(ctx context.Context, traceparent, tracestate string) context.Context {
	return context.WithValue(ctx, traceKey{}, traceContext{traceparent, tracestate})
}

func traceOf(ctx context.Context) (traceparent, tracestate string) {
	t, _ := ctx.Value(traceKey{}).(traceContext)
	return t.parent, t.state
}

// traced is a log in which a row's trace goes on.
type traced struct {
	events.Log
	row Row
}

// Append implements [events.Appender].
func (t traced) Append(ctx context.Context, e events.Event) (uint64, error) {
	if e.TraceParent == "" {
		e.TraceParent, e.TraceState = t.row.TraceParent, t.row.TraceState
	}
	return t.Log.Append(ctx, e)
}
