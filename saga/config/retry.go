package config

import (
	"cmp"
	"math"
	"time"
)

// A RetryPolicy says how often to try again, and how long to wait before.
//
// In a Config built in Go a field that is zero means its default. Where a zero
// is meant, say so with [RetryPolicy.Exactly]. A policy that was read from a
// file, or completed by [Config.WithDefaults], is exact.
type RetryPolicy struct {
	MaxRetries int           // after the first attempt; default 3, of undoing 10
	BaseDelay  time.Duration // before the first retry; default 1s
	MaxDelay   time.Duration // default 30s, of undoing 5m
	Multiplier float64       // from each wait to the next; default 2
	Jitter     float64       // the share of a wait that is random, 0 to 1; default 0.5

	exact bool // zeros are meant
}

// Exactly says that the zeros of a policy are meant, not left out: no retries,
// or no jitter. The other fields must then be given.
//
//	config.RetryPolicy{MaxRetries: 0, BaseDelay: time.Second, MaxDelay: time.Second, Multiplier: 1}.Exactly()
func (p RetryPolicy) Exactly() RetryPolicy {
	p.exact = true
	return p
}

// Wait is how long to wait before retry n, counted from 0, with random drawn
// from [0, 1): between d·(1-Jitter) and d, where d = min(MaxDelay,
// BaseDelay·Multiplierⁿ). The jitter remains at the cap, where a herd is
// thickest.
func (p RetryPolicy) Wait(n int, random float64) time.Duration {
	longest := p.MaxDelay
	// In floating point what is too large is +Inf, so that nothing overflows.
	if d := float64(p.BaseDelay) * math.Pow(p.Multiplier, float64(max(n, 0))); d < float64(p.MaxDelay) {
		longest = time.Duration(d)
	}
	return max(0, longest-time.Duration(p.Jitter*random*float64(longest)))
}

// or completes a policy from another one.
func (p RetryPolicy) or(other RetryPolicy) RetryPolicy {
	if p.exact {
		return p
	}
	return RetryPolicy{
		MaxRetries: cmp.Or(p.MaxRetries, other.MaxRetries),
		BaseDelay:  cmp.Or(p.BaseDelay, other.BaseDelay),
		MaxDelay:   cmp.Or(p.MaxDelay, other.MaxDelay),
		Multiplier: cmp.Or(p.Multiplier, other.Multiplier),
		Jitter:     cmp.Or(p.Jitter, other.Jitter),
	}.Exactly()
}
