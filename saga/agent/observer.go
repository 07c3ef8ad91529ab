package agent

import (
	"context"
	"time"

	"github.com/unwind-saga/unwind/events"
)

// An Observer is told what an instance of an agent does, while it does it: for
// traces, for counting, for a test. It decides nothing, and no saga waits for it:
// what it does not answer in a tenth of a second is gone on without, and its
// panics are logged and forgotten. The zero value hears nothing, and each
// function may be nil.
//
// Three of the functions hear of what takes time. They are called when it
// begins, and what they return is called when it is over, or a little later: that
// and the words that need no answer come one after the other, in their order. Work
// goes on with the values of the context that is returned, and with nothing else
// of it: it can cut no deadline and cancel no call. Both may be nil.
type Observer struct {
	// Heard is told of a message before it is worked on. All else that is told
	// until it is settled has the context that Heard returned below its own.
	Heard func(context.Context, Heard) (context.Context, func(Settled))
	// Called is told of a call of one of the handler's functions.
	Called func(context.Context, Call) (context.Context, func(Returned))
	// Writes is told of an event before it is appended. The event carries the
	// trace context that is returned; where that is zero, its cause's.
	Writes func(context.Context, Writing) (Trace, func(Written))
	// Sets is told of a timer before it is set: of the next attempt, of the next
	// try at undoing, of the end of patience or of the saga's time. It may be
	// told of one timer several times. The timer carries the trace context that is
	// returned, as an event does.
	Sets func(context.Context, Who, events.Timer) Trace

	// Throttled is told when the instance slows down, and when it no longer does.
	Throttled func(Who, Throttle)
	// Breaker is told when the circuit breaker changes, in that order.
	Breaker func(Who, Breaker)
	// Phase is told how far the instance has come.
	Phase func(Who, Phase)
}

// Who is the instance that something is told of.
type Who struct {
	Type     string // of the saga
	Step     string
	Agent    string
	Instance string
}

// A Trace is W3C's trace context, as events and timers carry it.
type Trace struct {
	Parent string // traceparent
	State  string // tracestate
}

// Heard is a message that an instance was given.
type Heard struct {
	Who
	Purpose events.Purpose // of the consumer
	// Delivery says what came. Its Lease is nil: the message is not the observer's
	// to settle.
	Delivery events.Delivery
	Consumer string
}

// Trace is the trace context that came with the message.
func (h Heard) Trace() Trace { return traceOf(h.Delivery) }

// Settled says how the work on a message ended.
type Settled struct {
	How  Settlement
	Err  error // of what was not settled, put aside or passed over
	Took time.Duration
}

// A Settlement is how the work on a message ended, in one word.
type Settlement string

// How it may end.
const (
	Acknowledged Settlement = "acknowledged"
	PassedOver   Settlement = "passed_over" // it is no event, and was acknowledged
	Overtaken    Settlement = "overtaken"   // it is another instance's by now
	HeldBack     Settlement = "held_back"   // it was not its turn; it comes again at once
	PutAside     Settlement = "put_aside"   // the history of its saga makes no sense; acknowledged
	Stopped      Settlement = "stopped"     // the instance ends first; it comes again
	Unsettled    Settlement = "unsettled"   // it could not be settled, and comes again
)

// A Call is a call of one of the handler's functions.
type Call struct {
	Who
	Saga    string // its id
	Attempt int    // at the step; when undoing, the attempt to be undone
	Undoing bool
	Cause   events.Cause // why there is this attempt; empty when undoing
	Key     string       // idempotency key
}

// Returned is how a call ended.
type Returned struct {
	How   Ending
	Class events.Class // of a failure
	Code  string       // of a failure
	Took  time.Duration
}

// An Ending is how a call ended, in one word.
type Ending string

// How it may end.
const (
	CallWorked   Ending = "worked"  // completed, or undone
	CallWaits    Ending = "waits"   // its outcome comes from outside
	CallNothing  Ending = "nothing" // there was nothing to undo
	CallFailed   Ending = "failed"
	CallCutShort Ending = "cut_short" // the instance ends first
)

// A Writing is an event that is about to be appended.
type Writing struct {
	Who
	Event events.Event // Seq and Time are still the broker's to say
	Data  any          // of the event, as one of the types of package events, by value
	Cause events.Event // its cause; without an ID where a timer asked
}

// Written says what became of it. A refusal is no failure: somebody was first,
// or the history has moved.
type Written struct {
	Seq     uint64
	Refused bool
	Err     error // nobody knows
	Took    time.Duration
}

// A Throttle says how an instance slows down.
type Throttle struct {
	For   time.Duration // nothing is begun for so long; 0 when it has grown back
	Limit float64       // calls in a second after that; 0: as many as can be
	Over  bool          // it is as fast again as it is configured
}

// A Breaker is what a circuit breaker is.
type Breaker string

// What it may be.
const (
	BreakerClosed   Breaker = "closed"
	BreakerOpen     Breaker = "open" // the handler is not called
	BreakerHalfOpen Breaker = "half_open"
)

// A Phase is how far an instance has come.
type Phase string

// The phases, in their order.
const (
	Starting  Phase = "starting"  // streams and consumers are being made
	Listening Phase = "listening" // all its consumers are there
	Draining  Phase = "draining"  // nothing new is begun, what is under way may end
	Ended     Phase = "ended"
)
