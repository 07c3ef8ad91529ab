package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// mostFailures is how many are told of each step, the last ones.
const mostFailures = 5

// A setback is an attempt that came to nothing, or a try at undoing.
type setback struct {
	step, agent string
	what        string // "2", "undo 1"
	at          time.Time
	took        time.Duration // 0: not known
	then        string
	tone        ink.Tone
	why         string
}

// Failures is a table of what failed: which attempt, when, why, and what came of
// it or is to come, and when.
func Failures(s *saga.State, history []events.Event, now time.Time, o Options) []string {
	times := o.times(now)
	t := ink.Table{Head: []string{"failed", "attempt", "agent", "when", "took", "then", "why"}}
	for _, st := range s.Steps {
		list := append(attempts(s, st, times), undoings(st, times)...)
		slices.SortStableFunc(list, func(a, b setback) int { return a.at.Compare(b.at) })
		if more := len(list) - mostFailures; more > 0 {
			t.Row(ink.Cell{Text: st.Name}, ink.Cell{Text: "…", Tone: ink.Quiet}, ink.Cell{}, ink.Cell{}, ink.Cell{}, ink.Cell{}, ink.Cell{Text: fmt.Sprintf("%d before", more), Tone: ink.Quiet})
			list = list[more:]
		}
		for _, f := range list {
			t.Row(f.cells(began(history), times, o)...)
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t.Lines(o.Ink, o.columns())
}

func (f setback) cells(began time.Time, times ink.Times, o Options) []ink.Cell {
	when, took, agent := ink.Clock(f.at.Sub(began)), "", f.agent
	if o.Time == ink.ISO || o.Time == ink.UTC {
		when = times.Stamp(f.at)
	}
	if f.took > 0 {
		took = ink.Span(f.took)
	}
	if agent == f.step {
		agent = ""
	}
	return []ink.Cell{
		{Text: f.step, Name: f.agent}, {Text: f.what}, {Text: agent, Name: f.agent},
		{Text: when, Tone: ink.Quiet}, {Text: took, Tone: ink.Quiet}, {Text: f.then, Tone: f.tone}, {Text: ink.Clean(f.why), Tone: ink.Bad},
	}
}

func began(history []events.Event) time.Time {
	if len(history) == 0 {
		return time.Time{}
	}
	return history[0].Time
}

// attempts lists those that failed, and those that were lost: taken over by
// another because nobody knows what became of them.
func attempts(s *saga.State, st *saga.Step, times ink.Times) (list []setback) {
	for i, a := range st.Attempts {
		f := setback{step: st.Name, agent: a.Claim.Agent, what: fmt.Sprint(a.N)}
		switch {
		case a.Void():
			continue
		case a.Failure != nil:
			f.at, f.took = a.Failed.Time, a.Failed.Time.Sub(a.Claimed.Time)
			f.why = fmt.Sprintf("%s: %s", a.Failure.Class, cmp.Or(a.Failure.Error.Message, a.Failure.Error.Code, "no reason given"))
			f.then, f.tone = then(s, st, i, times)
		case a.Wait == nil && i+1 < len(st.Attempts) && st.Attempts[i+1].Claim.Cause == events.CauseTakeover:
			next := st.Attempts[i+1]
			f.at, f.took, f.why, f.then, f.tone = next.Claimed.Time, next.Claimed.Time.Sub(a.Claimed.Time), "nobody knows what became of it", "taken over", ink.Warn
		default:
			continue
		}
		list = append(list, f)
	}
	return list
}

// then tells what came of a failed attempt, or is to come.
func then(s *saga.State, st *saga.Step, i int, times ink.Times) (string, ink.Tone) {
	a := st.Attempts[i]
	f := a.Failure
	switch {
	case f.Then == events.ThenFallback || f.Then == events.ThenRetry && a.Successor() != a.Claim.Agent:
		return "→ " + ink.Clean(a.Successor()), ink.Warn
	case f.Then == events.ThenRetry && i+1 < len(st.Attempts):
		return "again after " + ink.Span(st.Attempts[i+1].Claimed.Time.Sub(a.Failed.Time)), ink.Quiet
	case f.Then == events.ThenRetry && (s.Turned() || s.Ended() || st.Done != nil):
		return "not any more", ink.Quiet
	case f.Then == events.ThenRetry:
		return "again " + times.At(a.Failed.Time.Add(time.Duration(f.Due))), ink.Warn
	case f.Then == events.ThenBack && (s.Committed == nil || s.Committed.Seq > a.Failed.Seq):
		return "turns back", ink.Back
	default:
		return "a person", ink.Bad
	}
}

func undoings(st *saga.Step, times ink.Times) (list []setback) {
	for _, u := range st.Undos {
		for i, f := range u.Failures {
			b := setback{step: st.Name, agent: u.Agent, what: fmt.Sprintf("undo %d", i+1), at: f.Time, why: cmp.Or(f.Error.Message, f.Error.Code, "no reason given")}
			due := f.Time.Add(time.Duration(f.Due))
			switch {
			case f.Then == events.ThenPerson:
				b.then, b.tone = "a person", ink.Bad
			case i+1 < len(u.Failures):
				b.then, b.tone = "again after "+ink.Span(u.Failures[i+1].Time.Sub(f.Time)), ink.Quiet
			case !u.Outstanding():
				b.then, b.tone = "undone later", ink.Quiet
			default:
				b.then, b.tone = "again "+times.At(due), ink.Warn
			}
			list = append(list, b)
		}
	}
	return list
}
