package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// Cancel turns a saga: what was done is undone, and nothing more is begun.
// by says who wants it, reason why; both stand in the history. A saga that has
// ended is [ErrEnded], one that turned already [ErrTurned], one whose pivot is
// done [ErrCommitted].
func Cancel(ctx context.Context, log events.Log, typ, id, by, reason string) error {
	attempt := fmt.Sprintf("cancel saga %s/%s", typ, id)
	turn := events.Turn{
		Reason: events.ReasonCancelled, By: by,
		Error: &events.Error{Code: string(events.ReasonCancelled), Message: reason},
	}
	for seq := uint64(0); ; {
		s, _, err := Load(ctx, log, typ, id, seq)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", attempt, err)
		case s.Ended():
			return refuse(attempt, ErrEnded, fmt.Sprintf("it is %s since %s", s.Status(), s.End.Time.Format("2006-01-02 15:04:05 MST")))
		case s.Turned():
			return refuse(attempt, ErrTurned, fmt.Sprintf("it turned at %s (%s), `unwind saga show %s %s` tells how far it is",
				s.Turn.Time.Format("15:04:05 MST"), s.Turn.Reason, typ, id))
		case s.Committed != nil:
			return refuse(attempt, ErrCommitted, fmt.Sprintf("its pivot, step %s, is done since %s: what follows it goes on until it is done",
				s.Committed.Step, s.Committed.Time.Format("2006-01-02 15:04:05 MST")))
		}
		latch, err := say(ctx, log, events.LatchSubject(typ, id), by, events.Event{}, turn)
		refusal, refused := errors.AsType[*events.Refusal](err)
		switch {
		case refused:
			if seq, err = upTo(ctx, seq, refusal); err != nil {
				return fmt.Errorf("%s: %w", attempt, err)
			}
		case err != nil:
			return fmt.Errorf("%s: %w", attempt, err)
		default:
			return turnedIt(ctx, log, latch, attempt)
		}
	}
}

// turnedIt says whether the latch counted. No guard keeps it from being written
// above the end.
func turnedIt(ctx context.Context, log events.Log, latch events.Event, attempt string) error {
	s, _, err := Load(ctx, log, latch.Subject.Type, latch.Subject.ID, latch.Seq)
	switch {
	case err != nil:
		return fmt.Errorf("%s: the latch is written, but what came of it could not be read: %w", attempt, err)
	case s.Turned() && s.Turn.Seq == latch.Seq:
		return nil
	case s.Committed != nil && !s.Ended():
		return refuse(attempt, ErrCommitted, fmt.Sprintf("its pivot, step %s, was done just before", s.Committed.Step))
	case s.Ended():
		return refuse(attempt, ErrEnded, fmt.Sprintf("it was %s just before", s.Status()))
	default:
		return refuse(attempt, ErrTurned, "it turned just before")
	}
}
