package config

import (
	"math"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	usual := RetryPolicy{MaxRetries: 5, BaseDelay: time.Second, MaxDelay: 10 * time.Second, Multiplier: 2, Jitter: 0.5}
	steady := RetryPolicy{BaseDelay: 3 * time.Second, MaxDelay: time.Minute, Multiplier: 1}
	forever := RetryPolicy{BaseDelay: 1, MaxDelay: math.MaxInt64, Multiplier: 1e6, Jitter: 1}
	for name, test := range map[string]struct {
		policy RetryPolicy
		n      int
		random float64
		want   time.Duration
	}{
		"the first, longest":   {usual, 0, 0, time.Second},
		"the first, half":      {usual, 0, 0.5, 750 * time.Millisecond},
		"the third, longest":   {usual, 2, 0, 4 * time.Second},
		"at the cap":           {usual, 4, 0, 10 * time.Second},
		"jitter at the cap":    {usual, 4, 1, 5 * time.Second},
		"far beyond the cap":   {usual, 100_000, 0, 10 * time.Second},
		"before the first":     {usual, -1, 0, time.Second},
		"no growth, no jitter": {steady, 50, 0.9, 3 * time.Second},
		"the longest there is": {forever, math.MaxInt, 0, math.MaxInt64},
		"all of it random":     {forever, math.MaxInt, 1, 0},
		"no policy at all":     {RetryPolicy{}, 3, 0.5, 0},
	} {
		if got := test.policy.Wait(test.n, test.random); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func FuzzWait(f *testing.F) {
	f.Add(int64(time.Second), int64(time.Minute), 2.0, 0.5, 3, 0.7)
	f.Add(int64(1), int64(math.MaxInt64), 1e6, 1.0, 998, 0.9999999999999999)
	f.Fuzz(func(t *testing.T, base, longest int64, multiplier, jitter float64, n int, random float64) {
		p := RetryPolicy{BaseDelay: time.Duration(base), MaxDelay: time.Duration(longest), Multiplier: multiplier, Jitter: jitter}
		valid := true
		p.check("", RetryPolicy{}, func(string, ...string) { valid = false })
		if !valid || !(random >= 0 && random < 1) {
			t.Skip()
		}
		if got := p.Wait(n, random); got < 0 || got > p.MaxDelay {
			t.Errorf("%+v: wait %d is %s", p, n, got)
		}
	})
}
