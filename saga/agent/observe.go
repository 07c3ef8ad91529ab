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

// A chaperone keeps an observer from doing harm. Where an answer is needed it is
// asked beside the work, and who does not answer soon is gone on without. All else
// it is told when it has the time: by one goroutine, in order, from a queue that
// may be full.
type chaperone struct {
	logger  *slog.Logger
	places  chan struct{} // one for each question that may be under way
	queue   chan word
	ending  chan struct{} // closed when nothing more will be said
	emptied chan struct{} // closed when all was told
	left    atomic.Bool   // nobody waits for that any more
	told    atomic.Int64  // when something was last said of it, in seconds
}

// A word is what an observer is told, and need not answer.
type word struct {
	of string
	f  func()
}

// chaperoned is an observer that can neither hold up nor bring down whoever
// tells it: so many questions to it are under way at a time, at the most, and so
// many words wait; beyond that it is told nothing. What it returns beside ends it
// when nothing will be told any more.
func chaperoned(o Observer, places int, l *slog.Logger) (safe Observer, end func()) {
	c := &chaperone{
		logger: l, places: make(chan struct{}, places), queue: make(chan word, 64*places),
		ending: make(chan struct{}), emptied: make(chan struct{}),
	}
	go c.tellAll()
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
			a := ask(c, "Writes", func() (a answer) { a.trace, a.end = o.Writes(ctx, w); return a })
			return a.trace, guardEnd(c, "Writes", a.end)
		}
	}
	if o.Sets != nil {
		safe.Sets = func(ctx context.Context, who Who, t events.Timer) Trace {
			return ask(c, "Sets", func() Trace { return o.Sets(ctx, who, t) })
		}
	}
	safe.Throttled = guardWord(c, "Throttled", o.Throttled)
	safe.Breaker = guardWord(c, "Breaker", o.Breaker)
	safe.Phase = guardWord(c, "Phase", o.Phase)
	return safe, c.end
}

func guardBegin[T, E any](
	c *chaperone, name string, f func(context.Context, T) (context.Context, func(E)),
) func(context.Context, T) (context.Context, func(E)) {
	type answer struct {
		ctx context.Context
		end func(E)
	}
	return func(ctx context.Context, what T) (context.Context, func(E)) {
		a := ask(c, name, func() (a answer) { a.ctx, a.end = f(ctx, what); return a })
		return a.ctx, guardEnd(c, name, a.end)
	}
}

func guardEnd[E any](c *chaperone, name string, end func(E)) func(E) {
	if end == nil {
		return nil
	}
	name = "the end of " + name
	return func(e E) { c.say(word{name, func() { end(e) }}) }
}

func guardWord[T any](c *chaperone, name string, f func(Who, T)) func(Who, T) {
	if f == nil {
		return nil
	}
	return func(who Who, what T) { c.say(word{name, func() { f(who, what) }}) }
}

// ask asks the observer, and returns the zero value when it does not answer.
func ask[T any](c *chaperone, name string, f func() T) (none T) {
	select {
	case c.places <- struct{}{}:
	default:
		c.complain("an observer hangs and is told nothing", name, nil)
		return none
	}
	answers := make(chan T, 1)
	go func() {
		defer func() {
			c.survive(name, recover())
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
		c.complain("an observer is slow and was gone on without", name, nil)
		return none
	}
}

func (c *chaperone) say(w word) {
	select {
	case c.queue <- w:
	default:
		c.complain("an observer is slow and was not told all", w.of, nil)
	}
}

func (c *chaperone) tellAll() {
	defer close(c.emptied)
	for ending := false; !c.left.Load() && (!ending || len(c.queue) > 0); {
		select {
		case w := <-c.queue:
			c.tell(w)
		case <-c.ending:
			for ending = true; len(c.queue) > 0 && !c.left.Load(); {
				c.tell(<-c.queue)
			}
		}
	}
}

func (c *chaperone) tell(w word) {
	defer func() { c.survive(w.of, recover()) }()
	w.f()
}

// end waits until all was told, or for as long as the observer is waited for.
func (c *chaperone) end() {
	close(c.ending)
	patience := time.NewTimer(indulgence)
	defer patience.Stop()
	select {
	case <-c.emptied:
	case <-patience.C:
		c.left.Store(true)
		c.complain("an observer is slow and was not told all", "the end", nil)
	}
}

func (c *chaperone) survive(name string, why any) {
	if why != nil {
		c.complain("an observer panicked", name, why)
	}
}

// complain says what is wrong with an observer, once in a minute.
func (c *chaperone) complain(what, name string, why any) {
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
