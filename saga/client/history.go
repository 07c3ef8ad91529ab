package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

// Load reads and folds a saga, complete at least up to a sequence. The history
// comes along, also when it cannot be folded. A saga that nobody has heard of
// is [ErrNoSaga].
func Load(ctx context.Context, log events.Log, typ, id string, atLeast uint64) (*saga.State, []events.Event, error) {
	attempt := fmt.Sprintf("read saga %s/%s", typ, id)
	if err := errors.Join(events.ValidName("saga type", typ), events.ValidID(id)); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", attempt, err)
	}
	history, err := log.History(ctx, typ, id, atLeast)
	switch {
	case errors.Is(err, events.ErrNoType):
		return nil, nil, noType(ctx, log, attempt)
	case err != nil:
		return nil, nil, err
	case len(history) == 0:
		return nil, nil, refuse(attempt, ErrNoSaga, "is the id right? a saga that ended long ago may be in the archive")
	}
	s, err := saga.Fold(history)
	return s, history, err
}

// say writes an event that a person decided on.
func say(ctx context.Context, log events.Log, at events.Subject, by string, cause events.Event, data any) (events.Event, error) {
	e, err := events.New(at, by, cause, data)
	if err != nil {
		return e, err
	}
	e.Seq, err = log.Append(ctx, e)
	return e, err
}

// upTo says up to where to read after a refusal. One that names no sequence
// comes from a server that is ahead of the one that was read from, so that one
// gets a moment.
func upTo(ctx context.Context, seq uint64, refusal *events.Refusal) (uint64, error) {
	if refusal.Seq > 0 {
		return max(seq, refusal.Seq), nil
	}
	select {
	case <-ctx.Done():
		return seq, ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return seq, nil
	}
}

// advance makes the moves that a saga that turned implies, and reads it again
// after each, until it implies nothing more.
func advance(ctx context.Context, log events.Log, typ, id, by string, cause events.Event) error {
	for seq := cause.Seq; ; {
		s, _, err := Load(ctx, log, typ, id, seq)
		if err != nil {
			return err
		}
		moves := s.Advance(cause.Time)
		for _, d := range moves.Events {
			e, err := say(ctx, log, d.Subject, by, cause, d.Data)
			if refusal, ok := errors.AsType[*events.Refusal](err); ok {
				e.Seq = refusal.Seq // somebody else did it
			} else if err != nil {
				return err
			}
			seq = max(seq, e.Seq)
		}
		if len(moves.Events) == 0 {
			return set(ctx, log, moves.Timers)
		}
	}
}

func set(ctx context.Context, log events.Log, timers []events.Timer) error {
	for _, t := range timers {
		if err := log.SetTimer(ctx, t); err != nil {
			return fmt.Errorf("set %s timer of saga %s/%s: %w", t.What, t.Type, t.ID, err)
		}
	}
	return nil
}
