package timeline

import (
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// ticks are the distances between the marks of an axis.
var ticks = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// apart is how far from each other marks stand, at least.
const apart = 9

// tick chooses a distance for so many columns.
func (c *chart) tick(columns int) time.Duration {
	whole := c.until.Sub(c.began)
	for _, t := range ticks {
		if int64(t)*int64(columns) >= int64(whole)*apart {
			return t
		}
	}
	day := ticks[len(ticks)-1]
	return max(day, (whole / time.Duration(max(columns/apart, 1))).Round(day))
}

// axis draws the labels and the line below them.
func (c *chart) axis(columns int) (labels, line string) {
	top, bottom := []rune(strings.Repeat(" ", columns)), []rune(strings.Repeat("─", columns))
	tick, whole := c.tick(columns), c.until.Sub(c.began)
	for d := time.Duration(0); d <= whole; d += tick {
		at := c.column(c.began.Add(d), columns)
		bottom[at] = '┼'
		// Half a label would be another time: "30m" of what is 30 ms.
		if text := []rune(label(d)); at+len(text) <= columns {
			copy(top[at:], text)
		}
	}
	bottom[0] = '├'
	if bottom[columns-1] == '┼' {
		bottom[columns-1] = '┤'
		// The last label has no room on the right of its mark.
		text := []rune(label(whole / tick * tick))
		copy(top[columns-len(text):], text)
	}
	return strings.TrimRight(string(top), " "), string(bottom)
}

// label tells a time on the axis: "0s", "1.5s", "2m", "1h30m".
func label(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// divide separates what went forward from what is undone: by the moment at which
// the saga turned, or, where something is undone and it did not, by nothing but
// the marks. There is nothing to draw in a saga that did not turn.
func (c *chart) divide(in ink.Ink, why string, columns, indent int) []string {
	if c.turn.IsZero() {
		return nil
	}
	return c.turned(in, why, columns, indent)
}

// turned draws the moment at which the saga turned, and why, below the lanes that
// go forward.
func (c *chart) turned(in ink.Ink, why string, columns, indent int) []string {
	at := c.column(c.turn, columns) + indent
	why = "turned back: " + why
	whole, edge := ink.Width(why), indent+columns
	var lines []string
	switch {
	case at+2+whole <= edge:
		lines = []string{strings.Repeat(" ", at) + "▲ " + why}
	case whole+1 <= at:
		lines = []string{strings.Repeat(" ", at-whole-1) + why + " ▲"}
	default:
		why = ink.Cut(why, edge)
		left := min(max(at-ink.Width(why)/2, 0), edge-ink.Width(why))
		lines = []string{strings.Repeat(" ", at) + "▲", strings.Repeat(" ", left) + why}
	}
	for i, line := range lines {
		lines[i] = in.Paint(ink.Back, line)
	}
	return lines
}
