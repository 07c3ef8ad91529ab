package ink_test

import (
	"strings"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

func TestTimes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for mode, want := range map[string][4]string{
		"":         {"in 5m12s", "4.0s ago", "4.0s ago", "for 4.0s"},
		"relative": {"in 5m12s", "4.0s ago", "4.0s ago", "for 4.0s"},
		"utc":      {"at 2026-01-02T03:09:17Z", "at 2026-01-02T03:04:01Z", "2026-01-02T03:04:01Z", "since 2026-01-02T03:04:01Z"},
	} {
		times, err := ink.ChooseTimes(mode, now)
		if err != nil {
			t.Fatal(err)
		}
		before := now.Add(-4 * time.Second)
		got := [4]string{times.At(now.Add(5*time.Minute + 12*time.Second)), times.At(before), times.Stamp(before), times.Since(before)}
		if got != want {
			t.Errorf("%q: %q, want %q", mode, got, want)
		}
		if got := times.Stamp(time.Time{}); got != "" {
			t.Errorf("%q: no moment is told as %q", mode, got)
		}
	}
	if _, err := ink.ChooseTimes("swatch", now); err == nil || !strings.Contains(err.Error(), "want relative, iso or utc") {
		t.Errorf(`ChooseTimes("swatch"): %v`, err)
	}
	local, err := time.Parse(time.RFC3339, ink.Times{Mode: ink.ISO}.Stamp(now))
	if err != nil || !local.Equal(now) {
		t.Errorf("iso: %v, %v", local, err)
	}
}
