package events

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Log keeps the events of every saga type, one stream for each. It is the
// door between those who judge (package saga) and those who keep (package
// broker): neither knows the other.
type Log interface {
	// Ensure makes what a saga type needs, or verifies what is there: a
	// stream that does not keep the protocol's promises is refused with the
	// setting named.
	Ensure(ctx context.Context, typ string) error
	// Types lists the saga types that have a stream.
	Types(ctx context.Context) ([]string, error)

	Appender
	Reader
	Scanner
	Timekeeper
	Source
	Shelf
	Directory
}

// An Appender writes events, each slot once.
type Appender interface {
	// Append stores the event if its slot and its guard's slot are free, and
	// returns its sequence. It tries until it knows: a nil error means that
	// this very event is in the log, a [*Refusal] that it is not, the
	// context's error that nobody knows. An event that is appended again is
	// found by its ID, whatever stands against it by now; otherwise the guard
	// speaks before the slot. A type that was not ensured is [ErrNoType].
	Append(ctx context.Context, e Event) (seq uint64, err error)
}

// A Reader reads events.
type Reader interface {
	// History returns all events of a saga in the order of their sequence,
	// complete at least up to the sequence atLeast: never a view from before
	// it; it waits for that sequence until ctx is done. A saga that nobody has
	// heard of has an empty history. What a stranger wrote under a subject
	// that is no event's is left out.
	History(ctx context.Context, typ, id string, atLeast uint64) ([]Event, error)
	// Follow calls see with each event of a type, from a sequence on and then
	// as they come, in order, until ctx is done, which is no error, or see
	// returns one, which it returns. From 0 is from the first event. With an
	// id, it follows that saga alone. What is no event is left out.
	Follow(ctx context.Context, typ, id string, from uint64, see func(Event) error) error
	// Scan calls see with each event of a type that is there when it is called,
	// in order, and returns when that was all, or when see returns an error,
	// which it returns. What is no event is left out.
	Scan(ctx context.Context, typ string, see func(Event) error) error
}

// A Timekeeper reminds.
type Timekeeper interface {
	// SetTimer arranges that the timer comes to the consumers of its address
	// when it is due, or at once when that is past. Set again before it
	// fires, it fires once, at the last time that was set.
	SetTimer(ctx context.Context, t Timer) error
}

// A Source delivers events to those who work on them.
type Source interface {
	// Consume calls handle for each delivery, up to c.Concurrency at a time,
	// until ctx is done; then it waits for the calls under way, which can
	// still acknowledge, and returns nil. What a handler neither acknowledges
	// nor extends is delivered again after c.Lease, to whoever consumes under
	// the same name: to this very process too, even while the first call is
	// under way. The handler's context is ctx.
	Consume(ctx context.Context, c Consumer, handle func(context.Context, Delivery)) error
}

// A Consumer is one purpose of one agent, shared by all its instances. It is
// durable: what comes while nobody listens is delivered later.
type Consumer struct {
	Name        string        // letters, digits, - and _; unique in its stream, and all types share that of the timers
	Type        string        // the saga type
	Timers      bool          // of the timers that came due, not of the events
	Filters     []string      // subjects
	Lease       time.Duration // how long a delivery is ours without a sign of life; default 30 s
	Concurrency int           // default 1
	Reach       time.Duration // how far back a new consumer starts; 0: from the first event
	There       func()        // called when the consumer exists, before its first delivery; may be nil
}

// A Delivery is one message in the hands of a consumer. Err says why it could
// not be read as an event or a timer; then only Subject, Stream, Seq and Time
// are set.
type Delivery struct {
	Subject     string
	Stream      string
	Seq         uint64 // in Stream
	Time        time.Time
	Redelivered bool
	Old         bool // from before its consumer existed
	Event       Event
	Timer       Timer
	Err         error

	Lease
}

// A Lease is what a consumer may do with a delivery.
type Lease interface {
	// Ack says that all that the message asks for is done and written. The
	// message is gone for every instance.
	Ack() error
	// Extend says that somebody still works on it.
	Extend() error
	// Release gives it back, to be delivered again after a while.
	Release(after time.Duration) error
}

// Why a log refuses an event.
var (
	// ErrTaken: the slot holds another append's event.
	ErrTaken = errors.New("it is written already")
	// ErrGuarded: the slot that guards this one is taken.
	ErrGuarded = errors.New("its guard is set")
)

// ErrNoType says that there is no stream for a saga type.
var ErrNoType = errors.New("no such saga type")

// A Refusal says that an event is not in the log, and why. It is a reason to
// read, never a conclusion: by the time it arrives the history may have moved.
type Refusal struct {
	Subject Subject
	Reason  error  // [ErrTaken] or [ErrGuarded]
	Seq     uint64 // read at least to here to see why; 0 when unknown
}

func (r *Refusal) Error() string {
	why := r.Reason.Error()
	if guard, ok := r.Subject.Guard(); ok && errors.Is(r.Reason, ErrGuarded) {
		why = guard.String() + " stands against it"
	}
	return fmt.Sprintf("append %s: %s", r.Subject, why)
}

func (r *Refusal) Unwrap() error { return r.Reason }
