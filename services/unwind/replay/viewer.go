package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A viewer is what is on the screen: values in, lines out. The terminal is
// [Watch]'s business.
type viewer struct {
	tape  *Tape
	o     Options
	lines []string // of all points

	at     int
	mark   int // where a diff begins; -1: at the point before
	pane   pane
	scroll int // of the pane
	width  int
	height int
}

// A pane is what is shown of a point.
type pane uint8

const (
	whole pane = iota // chart, sentence, what was owed, steps
	changed
	data
	help
)

func newViewer(t *Tape, at int, o Options) *viewer {
	v := &viewer{tape: t, o: o, at: min(max(at, 0), t.Len()), mark: -1}
	v.resize(80, 24)
	return v
}

func (v *viewer) resize(width, height int) {
	v.width, v.height = width, height
	v.o.Columns = max(width, 60)
	v.lines = v.tape.lines(v.listed())
}

// listed is how the list looks: there is a cursor before it.
func (v *viewer) listed() Options {
	o := v.o
	o.Columns -= 2
	return o
}

// leap is how far the keys for a page go.
const leap = 10

// press does what a key asks for, and reports whether it was to leave.
func (v *viewer) press(key string) (quit bool) {
	at := v.at
	switch key {
	case "q", "esc", "ctrl+c":
		return true
	case "right", "down", "l", "j", "n", "space", "enter":
		at++
	case "left", "up", "h", "k", "p", "backspace":
		at--
	case "pgdown", "ctrl+f", "ctrl+d":
		at += leap
	case "pgup", "ctrl+b", "ctrl+u":
		at -= leap
	case "g", "home", "0":
		at = 0
	case "G", "end", "$":
		at = v.tape.Len()
	case "f":
		at = v.trouble(1)
	case "F":
		at = v.trouble(-1)
	case "J":
		v.scroll++
		return false
	case "K":
		v.scroll = max(v.scroll-1, 0)
		return false
	case "m":
		v.mark = v.at
	case "d":
		v.turn(changed)
	case "e":
		v.turn(data)
	case "?":
		v.turn(help)
	default:
		return false
	}
	if at = min(max(at, 0), v.tape.Len()); at != v.at {
		v.at, v.scroll = at, 0
	}
	return false
}

// turn shows another pane, or the first one again.
func (v *viewer) turn(p pane) {
	if v.pane == p {
		p = whole
	}
	v.pane, v.scroll = p, 0
}

// trouble finds the next point, or the one before, at which something went wrong.
func (v *viewer) trouble(by int) int {
	for n := v.at + by; n > 0 && n <= v.tape.Len(); n += by {
		switch v.tape.history[n-1].Subject.Kind {
		case events.Failed, events.UndoFailed, events.Unwinding, events.Rejected:
			return n
		}
	}
	return v.at
}

// frame is the screen.
func (v *viewer) frame() string {
	p := v.tape.At(v.at)
	lines := []string{ink.CutPainted(v.tape.title(p, v.o), v.width), v.rail()}
	list := v.list(min(max((v.height-5)/3, 3), 12))
	lines = append(append(lines, list...), v.o.Ink.Paint(ink.Quiet, strings.Repeat("─", v.width)))
	room := max(v.height-len(lines)-1, 1)
	body := v.body(p)
	v.scroll = min(v.scroll, max(len(body)-room, 0))
	shown := body[v.scroll:]
	if len(shown) > room {
		shown = append(shown[:room-1:room-1], v.o.Ink.Paint(ink.Quiet, fmt.Sprintf("… %d more lines: J and K", len(shown)-room+1)))
	}
	for _, line := range shown {
		lines = append(lines, ink.CutPainted(line, v.width))
	}
	for len(lines) < v.height-1 {
		lines = append(lines, "")
	}
	keys := "←/→ step  g/G ends  f/F failures  d changes  e event  m mark  ? help  q quit"
	lines = append(lines, v.o.Ink.Paint(ink.Quiet, ink.Cut(keys, v.width)))
	return strings.Join(lines, "\n")
}

// rail is how far the tape is played.
func (v *viewer) rail() string {
	room := max(v.width-1, 1)
	at := v.at * room / max(v.tape.Len(), 1)
	return v.o.Ink.Paint(ink.Busy, strings.Repeat("━", at)+"●") + v.o.Ink.Paint(ink.Quiet, strings.Repeat("─", room-at))
}

// list is a window of the events around the point.
func (v *viewer) list(room int) []string {
	first := min(max(v.at-room/2, 0), max(len(v.lines)-room, 0))
	var lines []string
	for n := first; n < min(first+room, len(v.lines)); n++ {
		cursor := "  "
		switch n {
		case v.at:
			cursor = v.o.Ink.Paint(ink.Strong, "▶ ")
		case v.mark:
			cursor = v.o.Ink.Paint(ink.Warn, "m ")
		}
		lines = append(lines, ink.CutPainted(cursor+v.tape.row(v.lines, n, v.listed()), v.width))
	}
	return lines
}

func (v *viewer) body(p Point) []string {
	switch v.pane {
	case changed:
		from := v.mark
		if from < 0 || from == v.at {
			from = max(v.at-1, 0)
		}
		head := fmt.Sprintf("What changed from point %d to point %d:", from, v.at)
		return append([]string{head}, v.tape.diff(from, v.at, v.o)...)
	case data:
		return v.data(p)
	case help:
		return strings.Split(keys, "\n")
	}
	var lines []string
	for _, part := range [][]string{v.tape.chart(p, v.o), v.tape.then(p, v.o), v.tape.owed(p, v.o), v.tape.steps(p, v.o)} {
		if len(part) == 0 {
			continue
		}
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, part...)
	}
	return lines
}

// data is the event itself.
func (v *viewer) data(p Point) []string {
	if p.Event == nil {
		return []string{"There is no event yet."}
	}
	lines := []string{p.Event.Subject.String(), fmt.Sprintf("id %s, from %s", ink.Clean(p.Event.ID), ink.Clean(p.Event.Source))}
	if n := v.tape.cause(p); n > 0 {
		lines[1] += fmt.Sprintf(", caused by point %d", n)
	}
	var b bytes.Buffer
	if json.Indent(&b, p.Event.Data, "", "  ") != nil {
		return append(lines, ink.Clean(string(p.Event.Data)))
	}
	for line := range strings.Lines(b.String()) {
		text := strings.TrimLeft(line, " ")
		lines = append(lines, strings.Repeat(" ", len(line)-len(text))+ink.Clean(text))
	}
	return lines
}

// cause finds the point whose event caused the one of another; 0 if it is not on
// the tape.
func (t *Tape) cause(p Point) int {
	for i, e := range t.history {
		if e.ID != "" && e.ID == p.Event.Causation {
			return i + 1
		}
	}
	return 0
}

const keys = `→ ↓ l j n      the next event            ← ↑ h k p   the one before
PgDn PgUp      ten at once               g G         the beginning, the end
f F            the next failure or turn, the one before

d              what changed: from the mark, or else from the event before
m              set the mark here
e              the event as it was written
J K            scroll what is below the line
?              this                      q Esc       leave`
