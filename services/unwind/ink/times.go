package ink

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The ways to tell when something happens.
const (
	Relative = "relative" // seen from now: "in 5m12s", "4.0s ago"
	ISO      = "iso"      // as ISO 8601 has it, in the zone of who reads
	UTC      = "utc"      // likewise, in UTC
)

// TimeModes are the ways to choose from.
var TimeModes = []string{Relative, ISO, UTC}

// Times tells when something happens or happened. The zero value tells it seen
// from a moment that is none: give it the present one.
type Times struct {
	Mode string // one of [TimeModes]; default [Relative]
	Now  time.Time
}

// ChooseTimes finds the way of a name.
func ChooseTimes(mode string, now time.Time) (Times, error) {
	if mode != "" && !slices.Contains(TimeModes, mode) {
		return Times{}, fmt.Errorf("time %q: want %s or %s", mode,
			strings.Join(TimeModes[:len(TimeModes)-1], ", "), TimeModes[len(TimeModes)-1])
	}
	return Times{Mode: mode, Now: now}, nil
}

// At tells a moment within a sentence: "in 5m12s", "4.0s ago",
// "at 2026-01-02T03:04:05Z".
func (t Times) At(at time.Time) string {
	if text, ok := t.date(at); ok {
		return "at " + text
	}
	return t.Stamp(at)
}

// Stamp tells a moment where it stands alone, in a column: "4.0s ago",
// "2026-01-02T03:04:05Z". A moment that is none is empty.
func (t Times) Stamp(at time.Time) string {
	text, ok := t.date(at)
	switch {
	case at.IsZero():
		return ""
	case ok:
		return text
	case at.After(t.Now):
		return "in " + Span(at.Sub(t.Now))
	default:
		return Span(t.Now.Sub(at)) + " ago"
	}
}

// Since tells how long something has been so: "for 9.0s", "since
// 2026-01-02T03:04:05Z".
func (t Times) Since(at time.Time) string {
	if text, ok := t.date(at); ok {
		return "since " + text
	}
	return "for " + Span(t.Now.Sub(at))
}

func (t Times) date(at time.Time) (string, bool) {
	switch t.Mode {
	case ISO:
		return at.Local().Format(time.RFC3339), true
	case UTC:
		return at.UTC().Format(time.RFC3339), true
	default:
		return "", false
	}
}
