package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/unwind-saga/unwind/events"
)

// History implements [events.Reader]. What is no event is left out. A saga of
// more than 1,024 events is an error: the broker would not give them all.
func (l *Log) History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error) {
	fail := func(err error) ([]events.Event, error) {
		return nil, fmt.Errorf("read history of saga %s/%s: %w", typ, id, err)
	}
	if err := errors.Join(events.ValidName("saga type", typ), events.ValidID(id)); err != nil {
		return fail(err)
	}
	stream, filter := sagaStream(typ), events.HistoryFilter(typ, id)
	var pause backoff
	trouble := l.trouble()
	for tries := 1; ; tries++ {
		v, err := l.look(ctx, stream, filter)
		if err == nil && v.upTo < atLeast {
			err = fmt.Errorf("%w: it is at %d, and %d is wanted", errBehind, v.upTo, atLeast)
			// Most often it has caught up at the second try.
			if len(v.messages) == 0 && tries > 2 && l.gone(ctx, stream, filter, atLeast) {
				return nil, nil
			}
		}
		switch {
		case err == nil:
			return l.decode(v), nil
		case errors.Is(err, errTooMany):
			return fail(fmt.Errorf("%w: it has over 1,024 events", events.ErrTooLong))
		case hopeless(err):
			return fail(err)
		case errors.Is(err, nats.ErrNoResponders) && l.missing(ctx, stream):
			return fail(events.ErrNoType)
		}
		trouble.tell("the broker does not give a history, trying on", "type", typ, "saga", id, "error", err)
		if done := pause.wait(ctx); done != nil {
			return fail(fmt.Errorf("%w (%v)", done, err))
		}
	}
}

func (l *Log) decode(v view) []events.Event {
	history := make([]events.Event, 0, len(v.messages))
	for _, m := range v.messages {
		if e, err := events.Decode(m.subject, m.header, m.body, m.seq, m.time); err == nil {
			history = append(history, e)
		} else {
			l.strange(m.subject, m.seq, err)
		}
	}
	return history
}

// strange tells once for each stream that it holds something that is no event.
func (l *Log) strange(subject string, seq uint64, err error) {
	if stream := streamOf(subject); l.foreign.first(stream) {
		l.log.Warn("a message that is no event is left out, here and from now on", "stream", stream, "seq", seq, "error", err)
	}
}
