package timeline

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/owed"
)

// Options are how a timeline looks. The zero value is plain text.
type Options struct {
	Ink     ink.Ink
	Columns int  // default 100; at least 60, at most 160
	Raw     bool // all that was kept of the answers that were no good

	Presence owed.Presence // who is there; nothing is said of it if nobody was asked
	Time     string        // how times are told, one of [ink.TimeModes]
	Until    time.Time     // where the axis ends; default: at the last event, or now
	Bare     bool          // the chart has no legend
}

func (o Options) columns() int {
	if o.Columns == 0 {
		return 100
	}
	return min(max(o.Columns, 60), 160)
}

func (o Options) times(now time.Time) ink.Times { return ink.Times{Mode: o.Time, Now: now} }

// Print writes the whole view: a heading, the chart, the table of the steps, what
// failed and what came of that, and in a sentence how the saga ended or what it
// waits for. now is for a saga that has not ended.
func Print(w io.Writer, history []events.Event, s *saga.State, now time.Time, o Options) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", heading(s, history, now, o))
	if len(s.Steps) > 0 {
		line("")
		for _, l := range Chart(history, s, now, o) {
			line("%s", l)
		}
		line("")
		for _, l := range Steps(s, o) {
			line("%s", l)
		}
	}
	if failures := Failures(s, history, now, o); len(failures) > 0 {
		line("")
		for _, l := range failures {
			line("%s", l)
		}
	}
	if answers := Answers(s, o); len(answers) > 0 {
		line("")
		for _, l := range answers {
			line("%s", l)
		}
	}
	line("")
	line("%s", ink.Wrap(VerdictOf(s, history, o.Presence, o.times(now)), o.columns()))
	_, err := io.WriteString(w, b.String())
	return err
}

// Chart draws the lanes, with their axis and a legend.
func Chart(history []events.Event, s *saga.State, now time.Time, o Options) []string {
	c := plot(history, s, now, o.Until)
	indent := 0
	for _, l := range c.lanes {
		indent = max(indent, ink.Width(l.label()))
	}
	indent = min(indent, o.columns()*2/5) + 2
	columns := o.columns() - indent
	margin := strings.Repeat(" ", indent)

	labels, axis := c.axis(columns)
	lines := []string{margin + o.Ink.Paint(ink.Quiet, labels), margin + o.Ink.Paint(ink.Quiet, axis)}
	used := map[string]bool{}
	forward := true
	for _, l := range c.lanes {
		if forward && l.back {
			forward = false
			lines = append(lines, c.divide(o.Ink, why(s), columns, indent)...)
		}
		cells := l.draw(c, columns)
		c.dot(cells)
		for _, g := range cells {
			used[g.text] = true
		}
		name := ink.Left(ink.Cut(l.label(), indent-2), indent)
		lines = append(lines, strings.TrimRight(o.Ink.Name(l.agent, name)+paint(o.Ink, cells), " "))
	}
	if forward {
		lines = append(lines, c.divide(o.Ink, why(s), columns, indent)...)
	}
	if o.Bare {
		return lines
	}
	return append(lines, explain(used, o.Ink, indent, o.columns())...)
}

// dot marks the turn on a lane, where nothing else is.
func (c *chart) dot(cells []glyph) {
	if c.turn.IsZero() {
		return
	}
	if at := c.column(c.turn, len(cells)); cells[at] == nothing {
		cells[at] = turn
	}
}

// explain tells what the glyphs mean that were used.
func explain(used map[string]bool, in ink.Ink, indent, columns int) []string {
	var lines []string
	text := ""
	for _, g := range legend {
		if !used[g.text] {
			continue
		}
		part := g.text + " " + g.means
		if text != "" && indent+ink.Width(text)+3+ink.Width(part) > columns {
			lines, text = append(lines, text), ""
		}
		if text != "" {
			text += "   "
		}
		text += part
	}
	if text != "" {
		lines = append(lines, text)
	}
	for i := range lines {
		lines[i] = strings.Repeat(" ", indent) + in.Paint(ink.Quiet, lines[i])
	}
	return lines
}

func heading(s *saga.State, history []events.Event, now time.Time, o Options) string {
	in := o.Ink
	if len(history) == 0 {
		return in.Paint(ink.Strong, s.Type+"/"+s.ID)
	}
	status, began := s.Status(), history[0].Time
	text := string(status)
	switch {
	case s.Ended():
		text += " in " + ink.Span(s.End.Time.Sub(began))
	case status == saga.Stuck:
		text += " for " + ink.Span(now.Sub(s.Time))
	default:
		text += " for " + ink.Span(now.Sub(began))
	}
	since := "since " + began.UTC().Format("2006-01-02 15:04:05 UTC")
	if o.Time == ink.ISO || o.Time == ink.UTC {
		since = "since " + o.times(now).Stamp(began)
	}
	return in.Paint(ink.Strong, s.Type+"/"+s.ID) + "  " + in.Paint(ToneOf(status), text) + in.Paint(ink.Quiet, "  "+since)
}

// ToneOf is how a status looks.
func ToneOf(s saga.Status) ink.Tone {
	switch s {
	case saga.Completed:
		return ink.Good
	case saga.Stuck, saga.Rejected:
		return ink.Bad
	case saga.Waiting:
		return ink.Warn
	case saga.Unwinding, saga.Compensated:
		return ink.Back
	default:
		return ink.Busy
	}
}
