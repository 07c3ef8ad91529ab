package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

// Cancel turns a saga: what was done is undone, and nothing more is begun.
// by says who wants it, reason why; both stand in the history. A saga that has
// ended is [ErrEnded], one that turned already [ErrTurned].
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
		}
		_, err = say(ctx, log, events.LatchSubject(typ, id), by, events.Event{}, turn)
		refusal, refused := errors.AsType[*events.Refusal](err)
		switch {
		case refused:
			if seq, err = upTo(ctx, seq, refusal); err != nil {
				return fmt.Errorf("%s: %w", attempt, err)
			}
		case err != nil:
			return fmt.Errorf("%s: %w", attempt, err)
		default:
			return nil
		}
	}
}
