package live

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// A tale is what is known of one saga so far: as much as its next line needs.
type tale struct {
	began     time.Time
	turned    bool
	ended     bool
	committed bool
	claims    map[string]claim       // by step: the last one
	dones     map[string]events.Kind // by step: completed or skipped, which came first
	orders    map[string]claim       // by step and agent: when undoing was last asked for
}

// A claim is who began something, and when.
type claim struct {
	agent string
	n     int
	at    time.Time
}

// A phrase is what a line says.
type phrase struct {
	step    string // or task, or saga
	agent   string
	event   string // with its number, without the agent
	mark    mark
	note    string
	follows string   // the end of the note, which is never cut
	tone    ink.Tone // of the note
	last    bool     // of its saga
}

// hear takes an event in and puts it into words. An event whose data cannot be
// read has no note beyond that.
func (t *tale) hear(e events.Event) phrase {
	s := e.Subject
	p := phrase{step: cmp.Or(s.Step, "saga"), agent: s.Agent, event: s.Kind.String(), mark: marks[s.Kind]}
	if _, event, ok := strings.Cut(p.event, "saga."); ok {
		p.event = event
	}
	if s.N > 0 {
		p.event += fmt.Sprintf("-%d", s.N)
	}
	late := s.Kind.Forward() && (t.turned || t.ended) || s.Kind == events.Unwinding && (t.ended || t.committed)
	if s.Kind == events.Completed || s.Kind == events.Skipped {
		first, done := t.dones[s.Step]
		late = late || done && first != s.Kind
		if !done {
			t.dones[s.Step] = s.Kind
		}
	}
	if err := t.tell(e, &p); err != nil {
		p.note, p.tone = err.Error(), ink.Bad
	}
	if late {
		p.note, p.follows, p.tone = "came too late, does not count", "", ink.Quiet
	}
	switch {
	case late:
	case s.Kind == events.Committed:
		t.committed = true
	case s.Kind == events.Unwinding:
		t.turned = true
	case s.Kind == events.SagaCompleted, s.Kind == events.SagaCompensated:
		t.ended, p.last = true, true
	}
	return p
}

// tell writes the note of an event, and the agent where its subject names none.
func (t *tale) tell(e events.Event, p *phrase) error {
	s := e.Subject
	switch s.Kind {
	case events.Submitted:
		p.step = "task"
		if e.Source != "" {
			p.note = "by " + e.Source
		}
		if e.Rerun != nil {
			p.note = strings.TrimSpace(p.note + " · saga " + e.Rerun.Of + " again")
			if e.Rerun.Reason != "" {
				p.note += ": " + e.Rerun.Reason
			}
		}
		return nil
	case events.Rejected:
		p.step = "task"
		return note(e, p, func(d events.Rejection) string {
			p.agent, p.tone = d.Agent, ink.Bad
			return failure(d.Error)
		})
	case events.Started, events.Attempt:
		return t.claimed(e, p)
	case events.Failed:
		return note(e, p, func(d events.Failure) string {
			p.agent = d.Agent
			if t.committed && d.Then == events.ThenBack {
				d.Then = events.ThenPerson // its agent did not know that there is no way back
			}
			if d.Then == events.ThenPerson {
				p.tone = ink.Bad
			}
			note, follows := failed(d)
			p.follows = follows
			return note
		})
	case events.Pending:
		return note(e, p, func(d events.Wait) string {
			p.agent, p.tone = d.Agent, ink.Warn
			note, follows := waits(d)
			p.follows = follows
			return note
		})
	case events.Answered:
		return note(e, p, answered)
	case events.Committed:
		return note(e, p, func(d events.Commitment) string {
			p.agent = d.Agent
			return d.Step + " was the pivot: no way back from here"
		})
	case events.Fallback:
		return note(e, p, func(d events.HandOver) string {
			return fmt.Sprintf("%s → %s", d.From, s.Agent)
		})
	case events.Completed, events.Skipped:
		return note(e, p, func(d events.Done) string {
			p.agent = d.Agent
			return t.done(e, d)
		})
	case events.Unwinding:
		p.tone = ink.Back
		return note(e, p, turned)
	default:
		return t.back(e, p)
	}
}

// back writes the note of an event on the way back, and of the end.
func (t *tale) back(e events.Event, p *phrase) error {
	s := e.Subject
	key := s.Step + "/" + s.Agent
	switch s.Kind {
	case events.Compensate:
		t.orders[key] = claim{at: e.Time}
		p.note = fmt.Sprintf("undo of %s asked", s.Step)
		return nil
	case events.Compensated:
		return note(e, p, func(d events.Undone) string { return undone(d, e.Time, t.orders[key].at) })
	case events.UndoFailed:
		return note(e, p, func(d events.UndoFailure) string {
			note, follows := undoFailed(d)
			p.follows = follows
			return note
		})
	case events.Redo:
		t.orders[key] = claim{at: e.Time}
		return note(e, p, func(d events.RedoOrder) string { return fmt.Sprintf("%s asks to undo again: %s", d.By, d.Reason) })
	case events.Dismissed:
		return note(e, p, dismissed)
	case events.SagaCompleted:
		p.note, p.tone = "the saga is completed · in "+ink.Span(e.Time.Sub(t.began)), ink.Good
	case events.SagaCompensated:
		p.note, p.tone = "the saga is compensated · in "+ink.Span(e.Time.Sub(t.began)), ink.Back
	}
	return nil
}

func (t *tale) claimed(e events.Event, p *phrase) error {
	return note(e, p, func(d events.Claim) string {
		p.agent = d.Agent
		before := t.claims[e.Subject.Step]
		t.claims[e.Subject.Step] = claim{d.Agent, max(e.Subject.N, 1), e.Time}
		switch d.Cause {
		case events.CauseTask:
			return ""
		case events.CauseRetry:
			return "another try"
		case events.CauseFallback:
			return "in place of " + before.agent
		case events.CauseAnswer:
			return "as a person says"
		case events.CauseRerun:
			return "nothing is done: its result is " + origin(d.From)
		case events.CauseTakeover:
			return fmt.Sprintf("taken over · attempt %d was lost", before.n)
		default:
			return "after " + strings.Join(d.After, ", ")
		}
	})
}

func (t *tale) done(e events.Event, d events.Done) string {
	c := t.claims[e.Subject.Step]
	switch {
	case d.From != nil:
		return "the result of " + origin(d.From)
	case e.Subject.Kind == events.Skipped:
		return "its condition does not hold"
	case c.at.IsZero():
		return ""
	case d.Attempt > 1:
		return fmt.Sprintf("in %s · by attempt %d", ink.Span(e.Time.Sub(c.at)), d.Attempt)
	default:
		return "in " + ink.Span(e.Time.Sub(c.at))
	}
}

// origin says whose a result is.
func origin(from *events.Origin) string {
	if from == nil {
		return "another saga's"
	}
	return "saga " + from.Saga + "'s"
}

// note reads an event's data and puts it into words.
func note[T any](e events.Event, p *phrase, words func(T) string) error {
	var data T
	if err := e.Unpack(&data); err != nil {
		return err
	}
	p.note = words(data)
	return nil
}
