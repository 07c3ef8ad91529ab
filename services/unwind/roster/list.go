package roster

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Options say how to print.
type Options struct {
	Ink     ink.Ink
	Columns int // lines are kept to so many, where that is possible; 0: never
}

// List prints a line for each agent, type by type.
func List(w io.Writer, all []Agent, now time.Time, o Options) error {
	var lines []string
	for len(all) > 0 {
		typ, n := all[0].Type, 0
		t := ink.Table{Head: []string{"agent", "step", "running", "version", "busy", "waiting", "held", "retries", "undone", "lag", ""}}
		for ; n < len(all) && all[n].Type == typ; n++ {
			t.Row(all[n].row(now)...)
		}
		if lines != nil {
			lines = append(lines, "")
		}
		lines = append(lines, o.Ink.Paint(ink.Strong, typ))
		lines = append(lines, o.fit(t)...)
		all = all[n:]
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// spare are the columns that are left out, one by one, where a window is too narrow:
// the versions, what was undone and what was retried. describe tells them too.
var spare = []int{3, 8, 7}

func (o Options) fit(t ink.Table) []string {
	tooWide := func(line string) bool { return ink.Width(line) > o.Columns }
	for _, column := range spare {
		if o.Columns == 0 || !slices.ContainsFunc(t.Lines(ink.Ink{}, o.Columns), tooWide) {
			break
		}
		for _, row := range t.Rows {
			row[column].Text = "" // a column that is empty is not printed
		}
	}
	return t.Lines(o.Ink, o.Columns)
}

func (a Agent) row(now time.Time) []ink.Cell {
	step := a.Step
	if step == a.Agent {
		step = ""
	}
	running := ink.Cell{Text: strconv.Itoa(a.Running)}
	if !a.There() {
		running = ink.Cell{Text: "none", Tone: ink.Bad}
	} else if a.Running == 0 {
		running = ink.Cell{Text: "?", Tone: ink.Quiet}
	}
	lag := ink.Cell{Text: "·", Tone: ink.Quiet}
	if !a.Oldest.IsZero() {
		lag = ink.Cell{Text: ink.Span(now.Sub(a.Oldest)), Tone: ink.Warn}
	}
	return []ink.Cell{
		{Text: a.Agent, Name: a.Agent}, {Text: step, Tone: ink.Quiet}, running,
		{Text: ink.Clean(strings.Join(a.Versions, ", "))},
		count(uint64(a.Vitals.Working), ink.Busy), count(a.Waiting, ink.Warn), count(uint64(a.Held), ink.Plain),
		count(a.Vitals.Retried, ink.Warn), count(a.Vitals.Undone, ink.Back), lag,
		{Text: a.remark(now), Tone: ink.Quiet},
	}
}

func count(n uint64, tone ink.Tone) ink.Cell {
	if n == 0 {
		return ink.Cell{Text: "·", Tone: ink.Quiet}
	}
	return ink.Cell{Text: strconv.FormatUint(n, 10), Tone: tone}
}

// remark says what the numbers do not.
func (a Agent) remark(now time.Time) string {
	switch {
	case !a.There():
		return a.seen(now)
	case a.Running == 0:
		return "listens, but does not say who it is"
	case a.Odd != nil:
		return "what it declares can't be read"
	default:
		return ""
	}
}

// seen is when an agent was last given work: the broker knows no later sign of one
// that is gone.
func (a Agent) seen(now time.Time) string {
	if a.LastGiven.IsZero() {
		return "never at work"
	}
	return "last at work " + ink.Span(now.Sub(a.LastGiven)) + " ago"
}
