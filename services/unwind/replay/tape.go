package replay

import (
	"cmp"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/owed"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

// A Tape is a history that can be stepped through. Its points are numbered from
// 0, before the first event, to its length. It is for one goroutine.
type Tape struct {
	history []events.Event
	final   string // the final step, where the history says which it is
	whole   *saga.State
	stood   map[int]saga.Status // what was asked before; empty where the history makes no sense
}

// New makes a tape of a history of at least one event, in whatever order they are.
func New(history []events.Event) *Tape {
	t := &Tape{history: slices.Clone(history), stood: map[int]saga.Status{}}
	slices.SortStableFunc(t.history, func(a, b events.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	if s, err := saga.Fold(t.history); err == nil {
		t.whole = s
		// Of a saga that is completed the final step is the one that nobody
		// followed: a type has one, and every step is before it.
		if leaves := owed.Leaves(s); s.Ended() && s.End.Forward && len(leaves) == 1 {
			t.final = leaves[0]
		}
	}
	return t
}

// Len counts the events.
func (t *Tape) Len() int { return len(t.history) }

// Seq finds the last point at or before a sequence.
func (t *Tape) Seq(seq uint64) int {
	return t.before(func(e events.Event) bool { return e.Seq > seq })
}

// Time finds the last point at or before a time.
func (t *Tape) Time(at time.Time) int {
	return t.before(func(e events.Event) bool { return e.Time.After(at) })
}

func (t *Tape) before(after func(events.Event) bool) int {
	if n := slices.IndexFunc(t.history, after); n >= 0 {
		return n
	}
	return len(t.history)
}

// began is when the first event was written, ended when the last was that is a part of what ran.
func (t *Tape) began() time.Time { return t.history[0].Time }
func (t *Tape) ended() time.Time { return timeline.End(t.history) }

// A Point is a saga as it stood after one of its events.
type Point struct {
	N     int           // how many events there were
	Event *events.Event // the last of them; nil before the first
	Late  bool          // it came too late to count
	State *saga.State   // nil where the history makes no sense
	Err   error         // why it makes none
	Debts []owed.Debt   // what the saga waited for then
	Moves []Move        // what the rules asked for then
}

// Time is the moment of the point.
func (p Point) Time() time.Time {
	if p.Event == nil {
		return time.Time{}
	}
	return p.Event.Time
}

// At folds the history up to a point; one that is out of range is the nearest.
func (t *Tape) At(n int) Point {
	n = min(max(n, 0), len(t.history))
	p := Point{N: n}
	if n == 0 {
		p.State = &saga.State{}
		return p
	}
	past := t.history[:n]
	p.Event = &past[n-1]
	if p.State, p.Err = saga.Fold(past); p.Err != nil {
		return p
	}
	p.Late = slices.ContainsFunc(p.State.Void, func(e events.Event) bool { return e.Seq == p.Event.Seq })
	p.Debts = owed.Of(p.State, past, owed.Presence{})
	p.Moves = t.moves(p.State, n)
	return p
}
