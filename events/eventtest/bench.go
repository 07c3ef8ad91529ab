package eventtest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/unwind-saga/unwind/events"
)

const (
	patience = 20 * time.Second       // until what must happen is given up
	silence  = 400 * time.Millisecond // in which what must not happen does not
	short    = 300 * time.Millisecond // a lease that is meant to run out
	long     = time.Minute            // a lease that is not
)

// A bench is where one rule is checked: a log, and a saga type nobody else
// uses. Its checks end the test, so they are called from the test's own
// goroutine.
type bench struct {
	*testing.T
	log events.Log
	typ string
	ctx context.Context
}

func newBench(t *testing.T, log events.Log) *bench {
	b := &bench{T: t, log: log, typ: freshType(), ctx: t.Context()}
	b.must(log.Ensure(b.ctx, b.typ), "ensure the saga type")
	return b
}

func freshType() string { return "suite-" + uuid.NewString()[:8] }

func (b *bench) must(err error, what string) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// subject makes a subject of a kind, of step "a" and agent "b" where it names
// any.
func (b *bench) subject(k events.Kind, id string) events.Subject {
	s := events.Subject{Type: b.typ, Kind: k, ID: id}
	switch k {
	case events.Attempt:
		s.N = 2
	case events.Failed, events.Pending, events.Answered, events.UndoFailed, events.Redo:
		s.N = 1
	}
	switch k {
	case events.Fallback, events.Compensate, events.Compensated, events.UndoFailed, events.Redo:
		s.Agent = "b"
	}
	switch k {
	case events.Submitted, events.Rejected, events.Committed, events.Unwinding, events.SagaCompleted, events.SagaCompensated, events.Dismissed:
	default:
		s.Step = "a"
	}
	return s
}

func (b *bench) task(id string) events.Subject { return events.TaskSubject(b.typ, id) }

func (b *bench) event(s events.Subject) events.Event {
	b.Helper()
	e, err := events.New(s, "suite", events.Event{}, map[string]string{"said": s.String()})
	b.must(err, "make an event")
	return e
}

// write appends a new event, which must be accepted.
func (b *bench) write(s events.Subject) events.Event {
	b.Helper()
	e := b.event(s)
	seq, err := b.log.Append(b.ctx, e)
	b.must(err, "append")
	if seq == 0 {
		b.Fatalf("append %s: accepted with sequence 0", s)
	}
	e.Seq = seq
	return e
}

// refused checks that an append was refused, for which reason, and what stands
// in its way.
func (b *bench) refused(err, reason error, by uint64) {
	b.Helper()
	refusal, ok := errors.AsType[*events.Refusal](err)
	switch {
	case !ok:
		b.Fatalf("want a *Refusal, got %v", err)
	case !errors.Is(err, reason):
		b.Fatalf("refused with %q, want %q", err, reason)
	case refusal.Seq != by:
		b.Fatalf("refused because of sequence %d, want %d: %v", refusal.Seq, by, err)
	}
}

func (b *bench) history(id string, atLeast uint64) []events.Event {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	history, err := b.log.History(ctx, b.typ, id, atLeast)
	b.must(err, "read a history")
	return history
}

// same checks that events are the ones that were appended, in this order.
func (b *bench) same(got []events.Event, want ...events.Event) {
	b.Helper()
	if len(got) != len(want) {
		b.Fatalf("got %d events %v, want %d: %v", len(got), seqs(got), len(want), seqs(want))
	}
	for i := range got {
		b.equal(got[i], want[i])
	}
}

// equal checks that an event came back as it was appended.
func (b *bench) equal(got, want events.Event) {
	b.Helper()
	if got.Time.IsZero() {
		b.Fatalf("%s has no time", got.Subject)
	}
	if !sameJSON(got.Data, want.Data) {
		b.Fatalf("data of %s: got %s, want %s", got.Subject, got.Data, want.Data)
	}
	got.Time, got.Data, want.Time, want.Data = time.Time{}, nil, time.Time{}, nil
	if g, w := mustJSON(got), mustJSON(want); g != w {
		b.Fatalf("got event\n%s, want\n%s", g, w)
	}
}

func seqs(all []events.Event) (s []uint64) {
	for _, e := range all {
		s = append(s, e.Seq)
	}
	return s
}

func mustJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && mustJSON(x) == mustJSON(y)
}

// background starts what runs until it is stopped, and must then return nil. The test
// stops it at its end.
func (b *bench) background(what string, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stopped := false
	stop = func() {
		b.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-done:
			if err != nil {
				b.Errorf("%s: want no error at the end of its context, got %v", what, err)
			}
		case <-time.After(patience):
			b.Errorf("%s: it did not end with its context", what)
		}
	}
	b.Cleanup(stop)
	return stop
}

// consume passes each delivery to the channel; whoever takes it settles it.
func (b *bench) consume(c events.Consumer) (deliveries chan events.Delivery, stop func()) {
	deliveries = make(chan events.Delivery, 100)
	return deliveries, b.handle(c, func(_ context.Context, d events.Delivery) { deliveries <- d })
}

// handle consumes in the background, under the bench's type.
func (b *bench) handle(c events.Consumer, handle func(context.Context, events.Delivery)) (stop func()) {
	c.Type = b.typ
	if c.Lease == 0 {
		c.Lease = long
	}
	return b.background("consume as "+c.Name, func(ctx context.Context) error { return b.log.Consume(ctx, c, handle) })
}

// submitted is the filter of the tasks of the bench's type.
func (b *bench) submitted() []string { return []string{b.task("x").Filter()} }

// await takes the next from a channel.
func await[T any](b *bench, from <-chan T, what string) T {
	b.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		b.Fatalf("waited %v in vain for %s", patience, what)
		panic("unreachable")
	}
}

// delivered takes the next delivery, which must be of this event.
func (b *bench) delivered(from <-chan events.Delivery, want events.Event) events.Delivery {
	b.Helper()
	d := await(b, from, "the delivery of "+want.Subject.String())
	b.must(d.Err, "read a delivery")
	b.equal(d.Event, want)
	if d.Seq != want.Seq || d.Subject != want.Subject.String() || d.Stream != "SAGA_"+b.typ || d.Time.IsZero() {
		b.Fatalf("delivery %d of %q in %q at %v, want %d of %q in %q", d.Seq, d.Subject, d.Stream, d.Time, want.Seq, want.Subject, "SAGA_"+b.typ)
	}
	return d
}

// ack takes the next delivery, which must be of this event, and acknowledges.
func (b *bench) ack(from <-chan events.Delivery, want events.Event) events.Delivery {
	b.Helper()
	d := b.delivered(from, want)
	b.must(d.Ack(), "acknowledge")
	return d
}

// quiet checks that nothing comes for a while.
func quiet[T any](b *bench, from <-chan T, d time.Duration) {
	b.Helper()
	select {
	case v := <-from:
		b.Fatalf("nothing should come, but here is %+v", v)
	case <-time.After(d):
	}
}

// together runs functions at the same moment and waits for all.
func together(run ...func()) {
	start, done := make(chan struct{}), make(chan struct{})
	for _, f := range run {
		go func() {
			<-start
			f()
			done <- struct{}{}
		}()
	}
	close(start)
	for range run {
		<-done
	}
}
