package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// rails are what stands around every forward call of this instance: how many at
// a time, how often, and whether at all. What they know is the instance's alone,
// and gone when its process ends.
type rails struct {
	slots   chan struct{} // one for each call that may be under way
	undos   chan struct{} // and for each undoing: they do not wait for each other
	pace    *pace
	breaker *breaker // nil: there is none
	lease   time.Duration
	closing <-chan struct{} // nothing new is begun
}

// A pass is what a call was let through with.
type pass struct {
	slot   bool // it holds one
	called bool
	slow   int // how often the pace was slowed down before
	era    int // of the breaker
	trial  bool
}

// errHeldBack: it was not an attempt's turn for as long as this instance holds
// a message.
var errHeldBack = errors.New("held back")

func (r *runner) newRails() *rails {
	cfg := r.cfg
	return &rails{
		slots:   make(chan struct{}, cfg.Concurrency),
		undos:   make(chan struct{}, cfg.Concurrency),
		pace:    newPace(cfg, r.logger, func(t Throttle) { r.audience.throttled(r.who(), t) }),
		breaker: newBreaker(cfg, r.logger, func(b Breaker) { r.audience.breaker(r.who(), b) }),
		lease:   r.lease,
		closing: make(chan struct{}),
	}
}

// admit claims an attempt when it is its turn. Until then it holds the message,
// whose lease is extended: what waits here needs no event, and stands in
// nobody's history.
func (r *runner) admit(ctx context.Context, a *attempt) (again uint64, err error) {
	if !a.giveUp && a.answer == nil { // else nothing is called
		if a.pass, err = r.rails.wait(ctx); err != nil {
			return 0, err
		}
	}
	if again, err = r.claim(ctx, a); err != nil || again > 0 {
		r.rails.release(&a.pass)
	}
	return again, err
}

// guarded performs a claimed attempt, if the breaker lets it.
func (r *runner) guarded(ctx context.Context, a *attempt, l *slog.Logger) (work, *saga.Setback, error) {
	defer r.rails.release(&a.pass)
	if until, shut := r.rails.breaker.enter(&a.pass); shut {
		return work{}, notCalled(until, r.rails.breaker.spread(r.random())), nil
	}
	a.pass.called = true
	w, back, err := r.perform(r.counted(ctx, a.step, a.n), r.task(*a), a.why, l)
	switch {
	case err != nil:
		r.rails.breaker.leave(a.pass, uncounted)
	case back == nil:
		r.rails.breaker.leave(a.pass, worked)
		r.rails.pace.worked(a.pass)
	}
	return w, back, err
}

// failed tells the rails of a call that failed, and of what was decided.
func (r *rails) failed(p pass, b saga.Setback, f events.Failure) {
	if !p.called {
		return
	}
	how := failed
	if f.Class == events.Refused || f.Throttled || f.Error.Code == codeDead {
		how = uncounted // it says nothing of the provider's health
	}
	r.breaker.leave(p, how)
	// An agent that hands its steps on need not hold them back.
	if b.RetryAfter > 0 && f.Class != events.Refused && (f.Class != events.Unavailable || f.Then == events.ThenRetry) {
		r.pace.slow(p, b.RetryAfter)
	}
}

// notCalled is the setback of an attempt that found the breaker open. Its
// seconds are whole ones, as in a Retry-After; the spread keeps all that waited
// from coming at once.
func notCalled(until time.Time, spread time.Duration) *saga.Setback {
	wait := time.Until(until) + spread
	if part := wait % time.Second; part > 0 {
		wait += time.Second - part
	}
	return &saga.Setback{
		Class: events.Unavailable, Left: events.LeftNothing, Throttled: true, RetryAfter: max(wait, time.Second),
		Error: events.Error{
			Code:    "circuit_open",
			Message: fmt.Sprintf("not called: the circuit breaker is open until %s", until.UTC().Format(time.RFC3339)),
		},
	}
}

// wait waits for a turn: for up to a lease until a slot is free, and for up to
// another one until the pace allows it. An attempt that the breaker will stop
// needs none.
func (r *rails) wait(ctx context.Context) (p pass, err error) {
	if r.breaker.shut() {
		return pass{}, nil
	}
	select {
	case r.slots <- struct{}{}:
	default:
		if err := r.queue(ctx); err != nil {
			return pass{}, err
		}
	}
	p.slot = true
	if p.slow, err = r.pace.wait(r.lease, func(d time.Duration) error { return r.rest(ctx, d) }); err != nil {
		r.release(&p)
	}
	return p, err
}

// queue waits for a slot.
func (r *rails) queue(ctx context.Context) error {
	clock := time.NewTimer(r.lease)
	defer clock.Stop()
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-clock.C:
		return errHeldBack
	case <-r.closing:
		return errHeldBack
	case <-ctx.Done():
		return errStopped
	}
}

// rest lets some time pass.
func (r *rails) rest(ctx context.Context, d time.Duration) error {
	clock := time.NewTimer(d)
	defer clock.Stop()
	select {
	case <-clock.C:
		return nil
	case <-r.closing:
		return errHeldBack
	case <-ctx.Done():
		return errStopped
	}
}

func (r *rails) release(p *pass) {
	if p.slot {
		<-r.slots
		p.slot = false
	}
}
