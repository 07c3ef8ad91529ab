package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// NewObserver is what tells a tracer and a meter of an agent, for who has
// providers of their own; [Start] makes them as the environment says. One observer
// may serve several agents.
func NewObserver(tracers trace.TracerProvider, meters metric.MeterProvider) (agent.Observer, error) {
	in, err := newInstruments(meters.Meter(scope, metric.WithSchemaURL(conventions)))
	if err != nil {
		return agent.Observer{}, fmt.Errorf("make the metrics of an agent: %w", err)
	}
	return observer(&spans{tracers.Tracer(scope, trace.WithSchemaURL(conventions))}, in), nil
}

// observer joins what is told; either may be nil.
func observer(s *spans, in *instruments) agent.Observer {
	var o agent.Observer
	if s == nil && in == nil {
		return o
	}
	o.Heard = func(ctx context.Context, h agent.Heard) (context.Context, func(agent.Settled)) {
		ctx, ended := s.heard(ctx, h)
		counted := in.heard(ctx, h)
		return ctx, both(counted, ended)
	}
	o.Called = func(ctx context.Context, c agent.Call) (context.Context, func(agent.Returned)) {
		ctx, ended := s.called(ctx, c)
		counted := in.called(ctx, c)
		return ctx, both(counted, ended)
	}
	o.Writes = func(ctx context.Context, w agent.Writing) (agent.Trace, func(agent.Written)) {
		below, trace, ended := s.writes(ctx, w)
		if in == nil {
			return trace, ended
		}
		return trace, both(func(is agent.Written) { in.wrote(below, w, is) }, ended)
	}
	if s != nil {
		o.Sets = func(ctx context.Context, _ agent.Who, t events.Timer) agent.Trace { return s.sets(ctx, t) }
	}
	if in == nil {
		return o
	}
	o.Throttled = func(who agent.Who, t agent.Throttle) {
		if !t.Over {
			in.count(context.Background(), throttles, place(who)...)
		}
	}
	o.Breaker = in.breaker
	o.Phase = func(who agent.Who, p agent.Phase) {
		if p == agent.Starting {
			in.start(who)
		}
	}
	return o
}

// both calls what there is.
func both[E any](first, second func(E)) func(E) {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return func(e E) { first(e); second(e) }
}
