package agent

import (
	"log/slog"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/unwind-saga/unwind/saga/config"
)

// A breaker keeps this instance from calling what fails anyway. The counting is
// a library's; that one call at a time is tried when it is half open, and that
// only what was begun since it last changed is counted, is ours. A nil breaker
// lets everything through.
type breaker struct {
	openFor time.Duration
	timeout time.Duration // of a call
	tell    func(Breaker)
	telling sync.Mutex // held while it is told, so that changes are told in their order

	mu      sync.Mutex
	circuit circuitbreaker.CircuitBreaker[any]
	era     int       // counts its changes
	trial   time.Time // when the call that is tried must be over; zero: none is
	untold  []Breaker // changes
}

// An outcome is what a call says of the provider.
type outcome int

const (
	uncounted outcome = iota // nothing
	worked
	failed
)

func newBreaker(cfg config.Config, l *slog.Logger, tell func(Breaker)) *breaker {
	c := cfg.CircuitBreaker
	if c == nil {
		return nil
	}
	b := &breaker{openFor: c.OpenFor, timeout: cfg.Timeout, tell: tell}
	build := circuitbreaker.NewBuilder[any]().WithDelay(c.OpenFor).WithSuccessThreshold(uint(c.Successes))
	switch failures := uint(c.Failures); {
	case c.Window > 0:
		build = build.WithFailureThresholdPeriod(failures, c.Window)
	case c.Of > 0:
		build = build.WithFailureThresholdRatio(failures, uint(c.Of))
	default: // in a row
		build = build.WithFailureThreshold(failures)
	}
	b.circuit = build.OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
		b.era++ // whoever made it change holds the lock
		switch e.NewState {
		case circuitbreaker.OpenState:
			b.untold = append(b.untold, BreakerOpen)
			l.Warn("circuit breaker opens: the handler is not called", "for", c.OpenFor, "was", e.OldState.String())
		case circuitbreaker.HalfOpenState:
			b.untold = append(b.untold, BreakerHalfOpen)
			l.Warn("circuit breaker is half open: one call at a time is tried")
		default:
			b.untold = append(b.untold, BreakerClosed)
			l.Warn("circuit breaker closes: the handler is called again")
		}
	}).Build()
	return b
}

// shut reports whether a call would not be let through now.
func (b *breaker) shut() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.trial.IsZero() || b.circuit.IsOpen() && b.circuit.RemainingDelay() > 0
}

// enter asks to call the handler; shut says that it is not to be, until when.
func (b *breaker) enter(p *pass) (until time.Time, shut bool) {
	if b == nil {
		return until, false
	}
	defer b.tellAll()
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.trial.IsZero() {
		if until = now.Add(b.openFor); b.trial.Before(until) {
			until = b.trial
		}
		return until, true
	}
	if !p.slot { // it found the breaker shut, and waited for no turn
		return now.Add(b.circuit.RemainingDelay()), true
	}
	// In an open breaker whose time is over, asking makes it half open.
	if b.circuit.IsOpen() && !b.circuit.TryAcquirePermit() {
		return now.Add(b.circuit.RemainingDelay()), true
	}
	if b.circuit.IsHalfOpen() {
		p.trial, b.trial = true, now.Add(b.timeout+slack)
	}
	p.era = b.era
	return until, false
}

// leave tells what became of a call that was let through.
func (b *breaker) leave(p pass, how outcome) {
	if b == nil {
		return
	}
	defer b.tellAll()
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.trial {
		b.trial = time.Time{}
	}
	switch {
	case p.era != b.era: // it was begun before the breaker changed
	case how == worked:
		b.circuit.RecordSuccess()
	case how == failed:
		b.circuit.RecordFailure()
	}
}

// tellAll tells what has changed, when nobody waits for the lock any more.
func (b *breaker) tellAll() {
	b.mu.Lock()
	some := len(b.untold) > 0
	b.mu.Unlock()
	if !some {
		return
	}
	b.telling.Lock()
	defer b.telling.Unlock()
	b.mu.Lock()
	list := b.untold
	b.untold = nil
	b.mu.Unlock()
	for _, state := range list {
		b.tell(state)
	}
}

// spread is by how much later one comes back than it could: a tenth at the most.
func (b *breaker) spread(random float64) time.Duration {
	return time.Duration(random * float64(b.openFor) / 10)
}
