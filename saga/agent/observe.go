package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// An audience is the observers of an instance. An empty one costs nothing.
type audience []Observer

// traceOf is the trace context of a message.
func traceOf(d events.Delivery) Trace {
	if d.Timer.What != "" {
		return Trace{d.Timer.TraceParent, d.Timer.TraceState}
	}
	return Trace{d.Event.TraceParent, d.Event.TraceState}
}

type traceKey struct{}

// withTrace notes what the timers are to carry that are set because of a message.
func withTrace(ctx context.Context, t Trace) context.Context {
	if t.Parent == "" {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, t)
}

// begin tells all of what begins, and returns what tells them of its end, the
// last first.
func begin[T, E any](
	ctx context.Context, all audience, of func(Observer) func(context.Context, T) (context.Context, func(E)), what T,
) (context.Context, func(E)) {
	var ends []func(E)
	for _, o := range all {
		if f := of(o); f != nil {
			next, end := f(ctx, what)
			if next != nil {
				ctx = lent{ctx, next}
			}
			if end != nil {
				ends = append(ends, end)
			}
		}
	}
	return ctx, ended(ends)
}

func ended[E any](ends []func(E)) func(E) {
	return func(e E) {
		for _, end := range slices.Backward(ends) {
			end(e)
		}
	}
}

// lent is a context with somebody else's values: whatever an observer returns
// cannot keep work from being stopped.
type lent struct {
	context.Context
	values context.Context
}

func (l lent) Value(key any) any { return l.values.Value(key) }

func (a audience) heard(ctx context.Context, h Heard) (context.Context, func(how Settlement, err error)) {
	if len(a) == 0 {
		return ctx, func(Settlement, error) {}
	}
	h.Delivery.Lease = nil
	began := time.Now()
	ctx, end := begin(ctx, a, func(o Observer) func(context.Context, Heard) (context.Context, func(Settled)) { return o.Heard }, h)
	return ctx, func(how Settlement, err error) { end(Settled{how, err, time.Since(began)}) }
}

func (a audience) called(ctx context.Context, c Call) (context.Context, func(Returned)) {
	if len(a) == 0 {
		return ctx, func(Returned) {}
	}
	began := time.Now()
	ctx, end := begin(ctx, a, func(o Observer) func(context.Context, Call) (context.Context, func(Returned)) { return o.Called }, c)
	return ctx, func(r Returned) {
		r.Took = time.Since(began)
		end(r)
	}
}

// writes gives the event the trace context that it is to carry.
func (a audience) writes(ctx context.Context, w Writing) (events.Event, func(seq uint64, err error)) {
	if len(a) == 0 {
		return w.Event, func(uint64, error) {}
	}
	began := time.Now()
	var ends []func(Written)
	for _, o := range a {
		if o.Writes == nil {
			continue
		}
		t, end := o.Writes(ctx, w)
		if t.Parent != "" {
			w.Event.TraceParent, w.Event.TraceState = t.Parent, t.State
		}
		if end != nil {
			ends = append(ends, end)
		}
	}
	return w.Event, func(seq uint64, err error) {
		refusal, refused := errors.AsType[*events.Refusal](err)
		if refused {
			seq, err = refusal.Seq, nil
		}
		ended(ends)(Written{Seq: seq, Refused: refused, Err: err, Took: time.Since(began)})
	}
}

// sets gives a timer the trace context that it is to carry.
func (a audience) sets(ctx context.Context, who Who, t events.Timer) events.Timer {
	if from, ok := ctx.Value(traceKey{}).(Trace); ok {
		t.TraceParent, t.TraceState = from.Parent, from.State
	}
	for _, o := range a {
		if o.Sets == nil {
			continue
		}
		if as := o.Sets(ctx, who, t); as.Parent != "" {
			t.TraceParent, t.TraceState = as.Parent, as.State
		}
	}
	return t
}

func (a audience) throttled(who Who, t Throttle) {
	for _, o := range a {
		if o.Throttled != nil {
			o.Throttled(who, t)
		}
	}
}

func (a audience) breaker(who Who, b Breaker) {
	for _, o := range a {
		if o.Breaker != nil {
			o.Breaker(who, b)
		}
	}
}

func (a audience) phase(who Who, p Phase) {
	for _, o := range a {
		if o.Phase != nil {
			o.Phase(who, p)
		}
	}
}

// indulgence is how long an observer is waited for.
const indulgence = 100 * time.Millisecond

// A chaperone keeps an observer from doing harm: it is called beside the work,
// and who does not return soon is left behind.
type chaperone struct {
	logger *slog.Logger
	places chan struct{} // one for each call of it that may be under way
	told   atomic.Int64  // when something was last said of it, in seconds
}

// chaperoned is an observer that can neither hold up nor bring down whoever
// tells it. So many calls of it are under way at a time, at the most; beyond
// that it is told nothing until some have returned.
func chaperoned(o Observer, places int, l *slog.Logger) Observer {
	c := &chaperone{logger: l, places: make(chan struct{}, places)}
	var safe Observer
	if o.Heard != nil {
		safe.Heard = guardBegin(c, "Heard", o.Heard)
	}
	if o.Called != nil {
		safe.Called = guardBegin(c, "Called", o.Called)
	}
	if o.Writes != nil {
		safe.Writes = func(ctx context.Context, w Writing) (Trace, func(Written)) {
			type answer struct {
				trace Trace
				end   func(Written)
			}
			a := attend(c, "Writes", func() (a answer) { a.trace, a.end = o.Writes(ctx, w); return a })
			return a.trace, guardEnd(c, "Writes", a.end)
		}
	}
	if o.Sets != nil {
		safe.Sets = func(ctx context.Context, who Who, t events.Timer) Trace {
			return attend(c, "Sets", func() Trace { return o.Sets(ctx, who, t) })
		}
	}
	safe.Throttled = guardWord(c, "Throttled", o.Throttled)
	safe.Breaker = guardWord(c, "Breaker", o.Breaker)
	safe.Phase = guardWord(c, "Phase", o.Phase)
	return safe
}

func guardBegin[T, E any](
	c *chaperone, name string, f func(context.Context, T) (context.Context, func(E)),
) func(context.Context, T) (context.Context, func(E)) {
	type answer struct {
		ctx context.Context
		end func(E)
	}
	return func(ctx context.Context, what T) (context.Context, func(E)) {
		a := attend(c, name, func() (a answer) { a.ctx, a.end = f(ctx, what); return a })
		return a.ctx, guardEnd(c, name, a.end)
	}
}

func guardEnd[E any](c *chaperone, name string, end func(E)) func(E) {
	if end == nil {
		return nil
	}
	return func(e E) { attend(c, "the end of "+name, func() struct{} { end(e); return struct{}{} }) }
}

func guardWord[T any](c *chaperone, name string, f func(Who, T)) func(Who, T) {
	if f == nil {
		return nil
	}
	return func(who Who, what T) { attend(c, name, func() struct{} { f(who, what); return struct{}{} }) }
}

// attend asks the observer, and returns the zero value when it does not answer.
func attend[T any](c *chaperone, name string, f func() T) (none T) {
	select {
	case c.places <- struct{}{}:
	default:
		c.tell("an observer hangs and is told nothing", name, nil)
		return none
	}
	answers := make(chan T, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				c.tell("an observer panicked", name, v)
			}
			close(answers)
			<-c.places
		}()
		answers <- f()
	}()
	patience := time.NewTimer(indulgence)
	defer patience.Stop()
	select {
	case a := <-answers:
		return a
	case <-patience.C:
		c.tell("an observer is slow and was gone on without", name, nil)
		return none
	}
}

// tell says what is wrong with an observer, once in a minute.
func (c *chaperone) tell(what, name string, why any) {
	now := time.Now().Unix()
	if last := c.told.Load(); now-last < 60 || !c.told.CompareAndSwap(last, now) {
		return
	}
	args := []any{"function", name}
	if why != nil {
		args = append(args, "panic", why)
	}
	c.logger.Error(what, args...)
}

// TraceOf is the trace context of the message because of which a handler's function is
// called, for a handler that calls others. Where an observer has opened a span, its own
// tracer knows better.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
