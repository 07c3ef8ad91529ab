package timeline

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A glyph is what is drawn in a cell.
type glyph struct {
	text string
	tone ink.Tone
}

var (
	nothing   = glyph{" ", ink.Plain}
	working   = glyph{"━", ink.Busy}
	waiting   = glyph{"┄", ink.Warn}
	outside   = glyph{"·", ink.Warn}
	asked     = glyph{"‥", ink.Warn}
	undoing   = glyph{"═", ink.Back}
	completed = glyph{"✔", ink.Good}
	failed    = glyph{"✖", ink.Bad}
	skipped   = glyph{"○", ink.Quiet}
	pending   = glyph{"◌", ink.Warn}
	answered  = glyph{"◍", ink.Strong}
	pivot     = glyph{"◆", ink.Good}
	undone    = glyph{"↩", ink.Back}
	stuck     = glyph{"!", ink.Bad}
	unknown   = glyph{"?", ink.Warn}
	goesOn    = glyph{"▸", ink.Busy}
	turn      = glyph{"┊", ink.Back}
)

// legend explains them, in the order in which a reader meets them.
var legend = []struct {
	glyph
	means string
}{
	{working, "working"}, {waiting, "waiting for the next try"}, {outside, "waiting for an outcome from outside"}, {asked, "waiting for a person"},
	{answered, "answered"}, {pivot, "the pivot: no way back"}, {completed, "done"}, {skipped, "skipped"}, {failed, "failed"}, {undoing, "undoing"}, {undone, "undone"},
	{unknown, "lost"}, {stuck, "a person must look"},
}

// A point is where something changes on a lane: its mark, and what goes on
// after it.
type point struct {
	at   time.Time
	mark glyph
	then glyph
}

// A lane is one agent's part in one step: what it did, or what it undid.
type lane struct {
	step, agent string
	back        bool // undoing
	first       bool // of its step
	points      []point
}

func (l *lane) add(at time.Time, mark, then glyph) {
	l.points = append(l.points, point{at, mark, then})
}

// waitsOutside reports whether the lane waits for an outcome from outside.
func (l *lane) waitsOutside() bool {
	n := len(l.points)
	return n > 0 && (l.points[n-1].then == outside || l.points[n-1].then == asked)
}

// goesOn is how a lane stands at the end of the axis: what waits outside, and
// above all for a person, must not look as if somebody worked.
func (l *lane) goesOn() glyph {
	switch then := l.points[len(l.points)-1].then; then {
	case outside:
		return pending
	case asked:
		return stuck
	default:
		return glyph{goesOn.text, then.tone}
	}
}

// end puts an end to what goes on, without an outcome of its own.
func (l *lane) end(at time.Time) {
	if n := len(l.points); n > 0 && l.points[n-1].then != nothing {
		l.add(at, unknown, nothing)
	}
}

// A chart is the lanes of a saga: forward in the order in which their steps
// began, and below them those of the undoing, in the order in which it did.
type chart struct {
	lanes []*lane
	began time.Time
	now   time.Time // what goes on does so until then
	until time.Time // where the axis ends
	turn  time.Time // zero: it did not turn
	ended bool

	committed bool
}

// End is the moment of the last event that is a part of what ran. Somebody may see to
// a dead letter days later; that is none.
func End(history []events.Event) time.Time {
	n := len(history)
	for n > 1 && history[n-1].Subject.Kind == events.Dismissed {
		n--
	}
	if n == 0 {
		return time.Time{}
	}
	return history[n-1].Time
}

// plot reads a history. Facts that came too late are passed over. The axis goes
// on to a moment that is past the last event, if there is one.
func plot(history []events.Event, s *saga.State, now, until time.Time) *chart {
	c := &chart{ended: s.Ended(), now: s.Time}
	if len(history) > 0 {
		c.began = history[0].Time
	}
	if c.ended {
		c.now = End(history)
	}
	// Nothing goes on in a saga that is stuck, so the axis ends there too.
	if !c.ended && s.Status() != saga.Stuck && now.After(c.now) {
		c.now = now
	}
	c.until = c.now
	if until.After(c.until) {
		c.until = until
	}
	late := map[uint64]bool{}
	for _, e := range s.Void {
		late[e.Seq] = true
	}
	for _, e := range history {
		if !late[e.Seq] {
			c.take(e)
		}
	}
	slices.SortStableFunc(c.lanes, func(a, b *lane) int {
		switch {
		case a.back == b.back:
			return 0
		case b.back:
			return -1
		default:
			return 1
		}
	})
	return c
}

// lane finds an agent's lane in a step. A new one goes below those of its step,
// or, on the way back, below all.
func (c *chart) lane(step, agent string, back bool) *lane {
	place := len(c.lanes)
	first := true
	for i, l := range c.lanes {
		switch {
		case l.back != back || l.step != step:
		case l.agent == agent:
			return l
		case !back:
			place, first = i+1, false
		}
	}
	l := &lane{step: step, agent: agent, back: back, first: first}
	c.lanes = slices.Insert(c.lanes, place, l)
	return l
}

// last finds the forward lane of a step on which something goes on; nil if none.
func (c *chart) last(step string) *lane {
	for _, l := range c.lanes {
		if n := len(l.points); !l.back && l.step == step && n > 0 && l.points[n-1].then != nothing {
			return l
		}
	}
	return nil
}

// take draws an event. One whose data cannot be read is passed over: the fold
// has said so already.
func (c *chart) take(e events.Event) {
	s := e.Subject
	switch s.Kind {
	case events.Started, events.Attempt:
		var d events.Claim
		if e.Unpack(&d) == nil {
			c.claim(e, d)
		}
	case events.Failed:
		var d events.Failure
		if e.Unpack(&d) == nil {
			c.failed(e, d)
		}
	case events.Pending:
		var d events.Wait
		if e.Unpack(&d) == nil {
			then := outside
			if d.Person {
				then = asked
			}
			c.lane(s.Step, d.Agent, false).add(e.Time, pending, then)
		}
	case events.Answered:
		// Heard is the one that the step waits for.
		if l := c.last(s.Step); l != nil && l.waitsOutside() {
			l.add(e.Time, answered, working)
		}
	case events.Committed:
		var d events.Commitment
		if e.Unpack(&d) == nil {
			c.committed = true
			c.lane(d.Step, d.Agent, false).add(e.Time, pivot, working)
		}
	case events.Completed, events.Skipped:
		var d events.Done
		if e.Unpack(&d) == nil {
			mark := completed
			if s.Kind == events.Skipped {
				mark = skipped
			}
			c.lane(s.Step, d.Agent, false).add(e.Time, mark, nothing)
		}
	case events.Unwinding:
		c.turn = e.Time
	case events.Compensate, events.Redo:
		c.lane(s.Step, s.Agent, true).add(e.Time, undoing, undoing)
	case events.Compensated:
		c.lane(s.Step, s.Agent, true).add(e.Time, undone, nothing)
	case events.UndoFailed:
		c.undoFailed(e)
	}
}

func (c *chart) claim(e events.Event, d events.Claim) {
	mark := working
	if n := e.Subject.N; n > 1 {
		mark = glyph{strconv.Itoa(n), ink.Busy}
	}
	l := c.lane(e.Subject.Step, d.Agent, false)
	if d.Cause == events.CauseTakeover {
		l.end(e.Time)
	}
	if before := c.last(e.Subject.Step); before != nil && before != l {
		before.end(e.Time)
	}
	l.add(e.Time, mark, working)
}

func (c *chart) failed(e events.Event, d events.Failure) {
	l := c.lane(e.Subject.Step, d.Agent, false)
	if d.Then == events.ThenPerson || d.Then == events.ThenBack && c.committed {
		l.add(e.Time, failed, nothing)
		l.add(e.Time, stuck, nothing)
		return
	}
	if d.Then != events.ThenRetry {
		l.add(e.Time, failed, nothing)
		return
	}
	if d.Next == "" || d.Next == d.Agent {
		l.add(e.Time, failed, waiting)
		return
	}
	l.add(e.Time, failed, nothing)
	c.lane(e.Subject.Step, d.Next, false).add(e.Time, waiting, waiting)
}

func (c *chart) undoFailed(e events.Event) {
	var d events.UndoFailure
	if e.Unpack(&d) != nil {
		return
	}
	l := c.lane(e.Subject.Step, e.Subject.Agent, true)
	if d.Then == events.ThenRetry {
		l.add(e.Time, failed, waiting)
		return
	}
	l.add(e.Time, failed, nothing)
	l.add(e.Time, stuck, nothing)
}

// label names a lane.
func (l *lane) label() string {
	switch {
	case !l.first:
		return "  → " + l.agent
	case l.agent != l.step:
		return l.step + " · " + l.agent
	default:
		return l.step
	}
}

// draw lays a lane out on so many columns. Each mark has a cell of its own: it
// stands where its time is, or right of the mark before it.
func (l *lane) draw(c *chart, columns int) []glyph {
	points := l.points
	if n := len(points); !c.ended && n > 0 && points[n-1].then != nothing {
		points = append(slices.Clone(points), point{c.now, l.goesOn(), nothing})
	}
	if len(points) > columns {
		points = points[len(points)-columns:]
	}
	at := make([]int, len(points))
	next := 0
	for i, p := range points {
		at[i] = max(c.column(p.at, columns), next)
		next = at[i] + width(p)
	}
	room := columns
	for i, p := range slices.Backward(points) {
		at[i] = max(min(at[i], room-width(p)), 0)
		room = at[i]
	}
	cells := slices.Repeat([]glyph{nothing}, columns)
	for i, p := range points {
		for j, r := range []rune(p.mark.text) {
			if at[i]+j < columns {
				cells[at[i]+j] = glyph{string(r), p.mark.tone}
			}
		}
		until := columns
		if i+1 < len(points) {
			until = at[i+1]
		}
		for j := at[i] + width(p); j < until && p.then != nothing; j++ {
			cells[j] = p.then
		}
	}
	return cells
}

func width(p point) int { return len([]rune(p.mark.text)) }

// column is where a time stands on the axis.
func (c *chart) column(at time.Time, columns int) int {
	whole := c.until.Sub(c.began)
	if whole <= 0 {
		return 0
	}
	share := float64(at.Sub(c.began)) / float64(whole)
	return min(max(int(share*float64(columns-1)+0.5), 0), columns-1)
}

// paint joins cells, each run of a tone at once.
func paint(in ink.Ink, cells []glyph) string {
	var b, run strings.Builder
	tone := ink.Plain
	flush := func() { b.WriteString(in.Paint(tone, run.String())); run.Reset() }
	for _, g := range cells {
		if g.tone != tone {
			flush()
			tone = g.tone
		}
		run.WriteString(g.text)
	}
	flush()
	return b.String()
}
