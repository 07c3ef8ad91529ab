package replay

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/owed"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

// Options are how a tape looks. The zero value is plain text.
type Options struct {
	Ink     ink.Ink
	Columns int    // at least 60; 0: charts take 100, and lines are not cut
	Time    string // how times are told, one of [ink.TimeModes]; relative ones are seen from the point
}

func (o Options) columns() int {
	if o.Columns == 0 {
		return 100
	}
	return max(o.Columns, 60)
}

// List writes a line for each point: its number, how the saga stood then, and its
// event.
func List(w io.Writer, t *Tape, o Options) error {
	lines := t.lines(o)
	for n := 1; n <= t.Len(); n++ {
		if _, err := fmt.Fprintln(w, t.row(lines, n, o)); err != nil {
			return err
		}
	}
	return nil
}

// narrow is the width below which a point's line does not tell the status.
const narrow = 100

// tells reports whether a point's line tells the status.
func (o Options) tells() bool { return o.Columns == 0 || o.columns() >= narrow }

// lines are what events say, by the number of their point.
func (t *Tape) lines(o Options) []string {
	var b strings.Builder
	columns := 0 // what is not for a screen is not cut
	if o.Columns > 0 {
		columns = o.columns() - 6
	}
	if columns > 0 && o.tells() {
		columns -= wide + 1
	}
	// A builder does not fail.
	_ = live.New(&b, live.Options{Ink: o.Ink, Columns: columns}).All(t.history)
	first := strings.Repeat(" ", 2) + o.Ink.Paint(ink.Quiet, "before the first event")
	return append([]string{first}, strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")...)
}

// row is the line of a point.
func (t *Tape) row(lines []string, n int, o Options) string {
	number := o.Ink.Paint(ink.Quiet, fmt.Sprintf("%4d", n)) + "  "
	if o.tells() && n > 0 {
		number += t.status(n, o, wide) + " "
	}
	return number + lines[n]
}

// wide is the room for a status: "compensated".
const wide = 11

// status tells how the saga stood, in a word.
func (t *Tape) status(n int, o Options, columns int) string {
	status, known := t.stood[n]
	if !known {
		if s := t.At(n).State; s != nil {
			status = s.Status()
		}
		t.stood[n] = status
	}
	word, tone := string(status), timeline.ToneOf(status)
	if status == "" {
		word, tone = "no sense", ink.Bad
	}
	return o.Ink.Paint(tone, word) + strings.Repeat(" ", max(columns-len(word), 0))
}

// Print writes a point: its event, the saga as it stood then, what it waited for,
// and what was owed.
func Print(w io.Writer, t *Tape, p Point, o Options) error {
	lines := []string{t.title(p, o)}
	if p.Event != nil {
		lines = append(lines, strings.TrimLeft(t.row(t.lines(o), p.N, o), " "))
	}
	for _, part := range [][]string{t.chart(p, o), t.then(p, o), t.owed(p, o), t.steps(p, o)} {
		if len(part) > 0 {
			lines = append(append(lines, ""), part...)
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// title names the saga and the point.
func (t *Tape) title(p Point, o Options) string {
	of := t.history[0].Subject
	parts := []string{fmt.Sprintf("point %d of %d", p.N, t.Len())}
	if p.Event != nil {
		parts = append(parts, t.status(p.N, o, 0), fmt.Sprintf("sequence %d", p.Event.Seq), ink.Clock(p.Time().Sub(t.began())), o.stamp(p.Time()))
	}
	title := o.Ink.Paint(ink.Strong, of.Type+"/"+of.ID) + "  " + strings.Join(parts, "  ")
	if p.Late {
		title += "  " + o.Ink.Paint(ink.Warn, "came too late, does not count")
	}
	return title
}

func (o Options) stamp(at time.Time) string {
	if o.Time == ink.ISO {
		return ink.Times{Mode: ink.ISO}.Stamp(at)
	}
	return ink.Times{Mode: ink.UTC}.Stamp(at)
}

// chart draws the lanes as far as they had come, on the axis of the whole tape.
func (t *Tape) chart(p Point, o Options) []string {
	if p.State == nil || len(p.State.Steps) == 0 {
		return nil
	}
	return timeline.Chart(t.history[:p.N], p.State, p.Time(), timeline.Options{Ink: o.Ink, Columns: o.columns(), Until: t.ended(), Bare: true})
}

func (t *Tape) steps(p Point, o Options) []string {
	if p.State == nil || len(p.State.Steps) == 0 {
		return nil
	}
	return timeline.Steps(p.State, timeline.Options{Ink: o.Ink, Columns: o.columns()})
}

// then is what the saga waited for, in a sentence.
func (t *Tape) then(p Point, o Options) []string {
	switch {
	case p.Err != nil:
		return strings.Split(ink.Wrap(o.Ink.Paint(ink.Bad, "From here on the history makes no sense: ")+ink.Clean(p.Err.Error()), o.columns()), "\n")
	case p.N == 0:
		return []string{"Nothing has happened yet."}
	}
	said := timeline.VerdictOf(p.State, t.history[:p.N], owed.Presence{}, ink.Times{Mode: o.Time, Now: p.Time()})
	return strings.Split(ink.Wrap(said, o.columns()), "\n")
}

// owed lists the moves that the rules asked for, and what came of them.
func (t *Tape) owed(p Point, o Options) []string {
	if len(p.Moves) == 0 {
		return nil
	}
	table := ink.Table{Head: []string{"owed by", "what the rules asked for", "what came of it"}}
	for _, m := range p.Moves {
		came, tone := "nothing so far", ink.Quiet
		switch {
		case m.Met == nil && t.whole != nil && t.whole.Ended():
			came = "nothing"
		case m.Met != nil:
			came, tone = fmt.Sprintf("point %d, %s later", t.Seq(m.Met.Seq), ink.Span(m.Met.Time.Sub(p.Time()))), ink.Good
		}
		by := m.By
		if by == "" {
			by = "any agent"
		}
		table.Row(ink.Cell{Text: by, Name: m.By}, ink.Cell{Text: m.say(p.Time())}, ink.Cell{Text: came, Tone: tone})
	}
	return table.Lines(o.Ink, o.columns())
}

// say tells a move in words.
func (m Move) say(now time.Time) string {
	text := ""
	switch {
	case m.Write != nil && m.Write.Subject.Step != "":
		text = fmt.Sprintf("write %s of %s", m.Write.Subject.Event(), m.Write.Subject.Step)
	case m.Write != nil:
		text = "write saga." + strings.TrimPrefix(m.Write.Subject.Event(), "saga.")
	case m.Set.What == events.AdvanceTimer:
		text = fmt.Sprintf("look again, in %s", ink.Span(m.Set.Due.Sub(now)))
	default:
		text = fmt.Sprintf("set the timer of %s %d, in %s", words[m.Set.What], m.Set.N, ink.Span(m.Set.Due.Sub(now)))
	}
	if m.Clear {
		text += ", and before that undo what may be left"
	}
	return text
}

var words = map[events.What]string{
	events.RetryTimer: "attempt", events.UndoTimer: "undoing", events.AnswerTimer: "the end of patience of attempt",
}

// PrintDiff writes what changed from one point to another.
func PrintDiff(w io.Writer, t *Tape, from, to int, o Options) error {
	of := t.history[0].Subject
	head := o.Ink.Paint(ink.Strong, of.Type+"/"+of.ID) + fmt.Sprintf("  from point %d to point %d", from, to)
	_, err := fmt.Fprintln(w, strings.Join(append([]string{head, ""}, t.diff(from, to, o)...), "\n"))
	return err
}

func (t *Tape) diff(from, to int, o Options) []string {
	changes := t.Diff(from, to)
	if len(changes) == 0 {
		return []string{"Nothing is otherwise."}
	}
	var lines []string
	for _, c := range changes {
		was, is := ink.Clean(c.From), ink.Clean(c.To)
		mark, tone, text := "~", ink.Warn, was+" → "+is
		switch {
		case c.From == "":
			mark, tone, text = "+", ink.Good, is
		case c.To == "":
			mark, tone, text = "-", ink.Bad, was
		}
		path := mark + " " + c.Path
		room := o.columns() - ink.Width(path) - 2
		switch {
		case o.Columns == 0:
			room = 0
		case room < 20:
			lines = append(lines, o.Ink.Paint(tone, path), "    "+ink.Cut(text, o.columns()-4))
			continue
		}
		lines = append(lines, o.Ink.Paint(tone, path)+"  "+ink.Cut(text, room))
	}
	return lines
}
