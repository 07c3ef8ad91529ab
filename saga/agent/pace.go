package agent

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/unwind-saga/unwind/saga/config"
)

const (
	// recovery is how long a pace that was slowed down takes to grow from nothing
	// to all of it: by the same each second (additive increase), after it was
	// halved (multiplicative decrease).
	recovery = time.Minute
	// slowest is the share of the configured pace that always remains.
	slowest = 1.0 / 64
)

// A pace is how fast this instance begins calls: as the configuration says, and
// slower when the provider asks for it.
type pace struct {
	logger *slog.Logger
	tell   func(Throttle)
	full   rate.Limit // as configured; 0: without a limit
	burst  int
	heeds  bool        // a Retry-After holds back the instance
	open   atomic.Bool // without a limit, and nobody ever asked to slow down

	mu      sync.Mutex
	limiter *rate.Limiter // nil: without a limit
	until   time.Time     // nothing is begun before
	slowed  int           // how often
	grown   time.Time     // up to when the limiter has grown back
}

func newPace(cfg config.Config, l *slog.Logger, tell func(Throttle)) *pace {
	p := &pace{logger: l, tell: tell, heeds: cfg.RetryAfterHolds == config.HoldsInstance}
	if c := cfg.RateLimit; c != nil {
		p.full, p.burst = rate.Limit(float64(c.Requests)/c.Per.Seconds()), c.Burst
		p.limiter = rate.NewLimiter(p.full, p.burst)
	}
	p.open.Store(p.limiter == nil)
	return p
}

// wait waits for a turn, for so long at the most, and says how often the pace
// had been slowed down by then.
func (p *pace) wait(most time.Duration, rest func(time.Duration) error) (slowed int, err error) {
	if p.open.Load() {
		return 0, nil
	}
	last := time.Now().Add(most)
	var turn *rate.Reservation
	for {
		now := time.Now()
		var d time.Duration
		turn, slowed, d = p.turn(turn, slowed, now)
		if d <= 0 {
			return slowed, nil
		}
		if d > last.Sub(now) {
			// Whoever waits longer than this gives its turn to others, and waits on
			// without one: the message would be back at once.
			if turn != nil {
				turn.Cancel()
			}
			if err = rest(last.Sub(now)); err == nil {
				err = errHeldBack
			}
			return slowed, err
		}
		if err = rest(d); err != nil {
			if turn != nil {
				turn.Cancel()
			}
			return slowed, err
		}
	}
}

// paused says until when nothing is begun, as the provider asked.
func (p *pace) paused() (until time.Time) {
	if p.open.Load() {
		return until
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

// turn reserves a turn, or keeps the one that was reserved, and says how far it
// is. A turn from before the pace was slowed down is none any more: all that
// waited for the pause to end would begin at once.
func (p *pace) turn(had *rate.Reservation, slowed int, now time.Time) (turn *rate.Reservation, slowedNow int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if turn = had; slowed != p.slowed {
		turn = nil
	}
	d = p.until.Sub(now)
	if d > 0 || p.limiter == nil {
		return turn, p.slowed, d
	}
	if turn == nil {
		turn = p.limiter.ReserveN(now, 1)
	}
	return turn, p.slowed, turn.DelayFrom(now)
}

// slow holds back what is to come, as the provider asked. Several calls that
// were under way when it asked slow the pace down once.
func (p *pace) slow(by pass, d time.Duration) {
	if !p.heeds {
		return
	}
	var told *Throttle
	defer func() { // when nobody waits for the lock
		if told != nil {
			p.tell(*told)
		}
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open.Store(false)
	now := time.Now()
	if until := now.Add(d); until.After(p.until) {
		p.until = until
	}
	if p.grown.Before(p.until) {
		p.grown = p.until
	}
	if by.slow != p.slowed {
		return
	}
	p.slowed++
	if p.limiter == nil {
		told = &Throttle{For: d}
		p.logger.Warn("throttled: nothing is begun for a while", "for", d)
		return
	}
	limit := max(p.limiter.Limit()/2, p.full*slowest)
	p.limiter = rate.NewLimiter(limit, 1)
	told = &Throttle{For: d, Limit: float64(limit)}
	p.logger.Warn("throttled: nothing is begun for a while, and then more slowly", "for", d, "requests_per_second", float64(limit))
}

// worked lets the pace grow back.
func (p *pace) worked(by pass) {
	if p.open.Load() {
		return
	}
	recovered := false
	defer func() {
		if recovered {
			p.tell(Throttle{Limit: float64(p.full), Over: true})
		}
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limiter == nil || by.slow != p.slowed || p.limiter.Limit() >= p.full {
		return
	}
	now := time.Now()
	if !now.After(p.grown) {
		return
	}
	limit := p.limiter.Limit() + p.full*rate.Limit(now.Sub(p.grown).Seconds()/recovery.Seconds())
	p.grown = now
	if limit < p.full {
		p.limiter.SetLimitAt(now, limit)
		return
	}
	p.limiter.SetLimitAt(now, p.full)
	p.limiter.SetBurstAt(now, p.burst)
	recovered = true
	p.logger.Warn("no longer throttled", "requests_per_second", float64(p.full))
}
