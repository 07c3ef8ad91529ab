package ink

import (
	"fmt"
	"time"
)

// Span tells a length of time to a person: "21ms", "1.9s", "12s", "2m03s",
// "3h04m", "2d03h".
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute-500*time.Millisecond:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		d = d.Round(time.Hour)
		return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// Clock tells how long after a beginning something happened, so that lines
// below one another line up: "0.021s", "12.480s", "2m03.4s", "3h04m05s".
func Clock(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute-500*time.Microsecond:
		return fmt.Sprintf("%.3fs", d.Seconds())
	case d < time.Hour-50*time.Millisecond:
		d = d.Round(100 * time.Millisecond)
		return fmt.Sprintf("%dm%04.1fs", int(d.Minutes()), (d % time.Minute).Seconds())
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dh%02dm%02ds", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	}
}
