package live

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Options are how the lines look. The zero value is plain text about one saga.
type Options struct {
	Ink     ink.Ink
	Columns int      // lines are cut at so many; 0: never
	Several bool     // sagas: each line names its own
	Types   bool     // of several types: named too
	Steps   []string // that are known beforehand: columns are wide enough for them from the start
	Agents  []string // likewise, those whose names are not their steps'
	IDs     []string // likewise
	Clock   string   // a layout of package time, by which each line tells when it was; empty: how long after the task
}

// Lines writes lines about sagas. It is safe for concurrent use.
type Lines struct {
	mu    sync.Mutex
	w     io.Writer
	o     Options
	tales map[string]*tale // by type and id
	wide  struct{ id, step, agent int }
}

// New makes lines that go to a writer.
func New(w io.Writer, o Options) *Lines {
	l := &Lines{w: w, o: o, tales: map[string]*tale{}}
	l.wide.step = usual
	if o.Columns > 0 && o.Columns < narrow {
		l.wide.step = usualNarrow
	}
	for _, list := range []struct {
		names []string
		wide  *int
	}{{o.Steps, &l.wide.step}, {o.Agents, &l.wide.agent}, {o.IDs, &l.wide.id}} {
		for _, name := range list.names {
			*list.wide = max(*list.wide, len(name))
		}
	}
	return l
}

// Event writes a line about an event. The error is the writer's.
func (l *Lines) Event(e events.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := fmt.Fprintln(l.w, l.line(e))
	return err
}

// Hear learns from an event without a line.
func (l *Lines) Hear(e events.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tale(e).hear(e)
}

// Widen makes room for the names of events that are to come, so that the columns
// line up from the first one on.
func (l *Lines) Widen(list []events.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range list {
		l.widen(e, e.Subject.Step)
	}
}

// Skip learns from an event that is not to be shown, and forgets a saga that has
// ended, as Event does.
func (l *Lines) Skip(e events.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.tale(e).hear(e); p.last && l.o.Several {
		delete(l.tales, e.Subject.Type+"/"+e.Subject.ID)
	}
}

// All writes the lines of a whole history, whose columns line up from the
// first on.
func (l *Lines) All(history []events.Event) error {
	l.mu.Lock()
	l.wide.step = len("saga")
	for _, e := range history {
		l.widen(e, l.tale(e).hear(e).agent)
	}
	clear(l.tales)
	l.mu.Unlock()
	for _, e := range history {
		if err := l.Event(e); err != nil {
			return err
		}
	}
	return nil
}

// tale finds what is known of the event's saga.
func (l *Lines) tale(e events.Event) *tale {
	key := e.Subject.Type + "/" + e.Subject.ID
	t := l.tales[key]
	if t == nil {
		t = &tale{began: e.Time, claims: map[string]claim{}, dones: map[string]events.Kind{}, orders: map[string]claim{}}
		l.tales[key] = t
	}
	return t
}

// widen makes room for the names of an event.
func (l *Lines) widen(e events.Event, agent string) {
	if l.o.Several {
		l.wide.id = max(l.wide.id, len(l.name(e)))
	}
	l.wide.step = max(l.wide.step, len(e.Subject.Step))
	if agent != e.Subject.Step {
		l.wide.agent = max(l.wide.agent, len(agent))
	}
}

func (l *Lines) name(e events.Event) string {
	if l.o.Types {
		return e.Subject.Type + "/" + e.Subject.ID
	}
	return e.Subject.ID
}

// usual is the room for the name of a step that nobody has heard of yet.
const usual = 20

// usualNarrow is the same where the room is short.
const usualNarrow = 12

// eventColumns is the room for an event's name: "undofailed-1".
const eventColumns = 12

// narrow is the width below which step and agent share a column.
const narrow = 110

func (l *Lines) line(e events.Event) string {
	t := l.tale(e)
	p := t.hear(e)
	l.widen(e, p.agent)
	r := row{in: l.o.Ink}
	when := ink.Right(ink.Clock(e.Time.Sub(t.began)), 8)
	if l.o.Clock != "" {
		when = e.Time.Local().Format(l.o.Clock)
	}
	r.cell(when, ink.Width(when), ink.Quiet, "")
	if l.o.Several {
		r.cell(l.name(e), l.wide.id, ink.Strong, "")
	}
	l.who(&r, e, p)
	event, symbol := p.event, 0
	if l.o.Ink.Symbols {
		event, symbol = p.mark.symbol+" "+event, 2
	}
	r.cell(event, eventColumns+symbol, p.mark.tone, "")
	note, follows := ink.Clean(p.note), p.follows
	if room := max(l.o.Columns-r.used, 16); l.o.Columns > 0 {
		note = ink.Cut(note, max(room-ink.Width(follows), 8))
		follows = ink.Cut(follows, room-ink.Width(note))
	}
	r.cell(note+follows, 0, p.tone, "")
	if p.last && l.o.Several {
		delete(l.tales, e.Subject.Type+"/"+e.Subject.ID)
	}
	return strings.TrimRight(r.text.String(), " ")
}

// who writes the step, and the agent where its name is another: in a column of
// its own, or in place of the step when the room is short.
func (l *Lines) who(r *row, e events.Event, p phrase) {
	agent := p.agent
	if agent == e.Subject.Step {
		agent = ""
	}
	switch {
	case l.wide.agent == 0:
		r.cell(p.step, l.wide.step, ink.Plain, p.agent)
	case l.o.Columns == 0 || l.o.Columns >= narrow:
		r.cell(p.step, l.wide.step, ink.Plain, p.agent)
		r.cell(agent, l.wide.agent, ink.Plain, p.agent)
	case agent == "" || e.Subject.Step == "":
		r.cell(p.step, max(l.wide.step, l.wide.agent+2), ink.Plain, p.agent)
	default:
		r.cell("→ "+agent, max(l.wide.step, l.wide.agent+2), ink.Plain, p.agent)
	}
}

// A row is a line that is being written.
type row struct {
	in   ink.Ink
	text strings.Builder
	used int
}

// cell writes a cell and the gap behind it, in a tone or in the colour of a
// name.
func (r *row) cell(text string, columns int, tone ink.Tone, name string) {
	painted := r.in.Paint(tone, text)
	if name != "" {
		painted = r.in.Name(name, text)
	}
	gap := max(columns-ink.Width(text), 0) + 2
	r.text.WriteString(painted + strings.Repeat(" ", gap))
	r.used += ink.Width(text) + gap
}
