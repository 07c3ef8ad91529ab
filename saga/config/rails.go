package config

import (
	"cmp"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

// A RateLimit says how often one instance performs its step: Requests in each
// Per, evenly, of which Burst may come at once after a pause. Undoing is not
// limited.
//
// It is of each instance: three of them make three times as many calls.
type RateLimit struct {
	Requests int
	Per      time.Duration // default 1s
	Burst    int           // default 1: within any Per no more than Requests, and one
}

// A CircuitBreaker says when one instance stops calling its handler for a
// while, because calls fail: the step goes to the next agent in the chain at
// once, or waits if there is none. A failure is an outcome that is transient,
// unavailable or unknown; a refusal says nothing of the provider.
//
// It is of each instance, and forgotten when its process ends.
type CircuitBreaker struct {
	Failures  int           // default 5: within Window, or of the last Of calls, or else in a row
	Window    time.Duration // not with Of
	Of        int           // not with Window
	OpenFor   time.Duration // until a call is tried again, one at a time; default 30s
	Successes int           // how many of those close it, in a row; default 2
}

// What a Retry-After holds back: all calls of the instance whose provider asked
// for it, or that saga alone.
const (
	HoldsInstance = "instance"
	HoldsSaga     = "saga"
)

func usualRateLimit() RateLimit { return RateLimit{Per: time.Second, Burst: 1} }

func usualCircuitBreaker() CircuitBreaker {
	return CircuitBreaker{Failures: 5, OpenFor: 30 * time.Second, Successes: 2}
}

// withDefaults leaves alone what it completes: a Config may share it.
func (l *RateLimit) withDefaults() *RateLimit {
	if l == nil {
		return nil
	}
	d := usualRateLimit()
	return &RateLimit{Requests: l.Requests, Per: cmp.Or(l.Per, d.Per), Burst: cmp.Or(l.Burst, d.Burst)}
}

func (b *CircuitBreaker) withDefaults() *CircuitBreaker {
	if b == nil {
		return nil
	}
	d := usualCircuitBreaker()
	return &CircuitBreaker{
		Failures: cmp.Or(b.Failures, d.Failures), Window: b.Window, Of: b.Of,
		OpenFor: cmp.Or(b.OpenFor, d.OpenFor), Successes: cmp.Or(b.Successes, d.Successes),
	}
}

// rateLimit and circuitBreaker lay what the file says over the defaults.
func (d *decoder) rateLimit(into **RateLimit) field {
	return func(path string, n *yaml.Node) {
		l := usualRateLimit()
		*into = &l
		d.mapping(d.limit(&l))(path, n)
	}
}

func (d *decoder) limit(l *RateLimit) map[string]field {
	return map[string]field{
		"requests": d.integer(&l.Requests),
		"per":      d.duration(&l.Per),
		"burst":    d.integer(&l.Burst),
	}
}

func (d *decoder) circuitBreaker(into **CircuitBreaker) field {
	return func(path string, n *yaml.Node) {
		b := usualCircuitBreaker()
		*into = &b
		d.mapping(d.breaker(&b))(path, n)
	}
}

func (d *decoder) breaker(b *CircuitBreaker) map[string]field {
	return map[string]field{
		"failures":  d.integer(&b.Failures),
		"window":    d.duration(&b.Window),
		"of":        d.integer(&b.Of),
		"open_for":  d.duration(&b.OpenFor),
		"successes": d.integer(&b.Successes),
	}
}

// most is how many calls a limit or a breaker may count: enough for any, and
// nothing overflows.
const most = 1_000_000

// checkRails tells each rule about the rails that a Config breaks.
func (c Config) checkRails(tell func(text string, paths ...string)) {
	ok := func(holds bool, path, format string, args ...any) {
		if !holds {
			tell(fmt.Sprintf(format, args...), path)
		}
	}
	count := func(n int, path string) { ok(n >= 1 && n <= most, path, "must be between 1 and %d, is %d", most, n) }
	if l := c.RateLimit; l != nil {
		count(l.Requests, "rate_limit.requests")
		count(l.Burst, "rate_limit.burst")
		ok(l.Per > 0, "rate_limit.per", "must be more than 0, is %s", short(l.Per))
	}
	if b := c.CircuitBreaker; b != nil {
		count(b.Failures, "circuit_breaker.failures")
		count(b.Successes, "circuit_breaker.successes")
		ok(b.OpenFor > 0, "circuit_breaker.open_for", "must be more than 0, is %s", short(b.OpenFor))
		// A zero that stands in the file is no "absent".
		window, of := b.Window != 0 || c.has("circuit_breaker.window"), b.Of != 0 || c.has("circuit_breaker.of")
		if window && of {
			tell("failures are counted within a window, or of so many calls, not both", "circuit_breaker.of", "circuit_breaker.window")
		}
		if window {
			ok(b.Window >= time.Second, "circuit_breaker.window", "must be at least 1s, is %s", short(b.Window))
		}
		if of {
			ok(b.Of >= b.Failures && b.Of <= most, "circuit_breaker.of",
				"must be between the failures, %d, and %d, is %d", b.Failures, most, b.Of)
		}
	}
	ok(c.RetryAfterHolds == HoldsInstance || c.RetryAfterHolds == HoldsSaga, "retry_after_holds",
		"must be %s or %s, is %q", HoldsInstance, HoldsSaga, c.RetryAfterHolds)
}

// has reports whether the file names a key.
func (c Config) has(path string) bool {
	_, ok := c.source.places[path]
	return ok
}
