package broker

import (
	"context"
	"fmt"

	"github.com/unwind-saga/unwind/events"
)

var _ events.Scanner = (*Log)(nil)

// Extent implements [events.Scanner].
func (l *Log) Extent(ctx context.Context, typ string) (events.Extent, error) {
	fail := func(err error) (events.Extent, error) {
		return events.Extent{}, fmt.Errorf("find out how far saga type %q reaches: %w", typ, err)
	}
	if err := events.ValidName("saga type", typ); err != nil {
		return fail(err)
	}
	info, err := l.stream(ctx, sagaStream(typ), nil)
	switch {
	case code(err) == codeNoStream:
		return fail(events.ErrNoType)
	case err != nil:
		return fail(explain(err))
	}
	return events.Extent{Born: info.Created, Last: info.State.LastSeq}, nil
}

// Store names the store behind the broker: by the moment when its stream of timers
// was made, the first of ours in it. Of two stores that are served at the same
// address, one after the other, it tells which is which. It is empty where no saga
// type was ensured yet.
func (l *Log) Store(ctx context.Context) (string, error) {
	info, err := l.stream(ctx, timersStream, nil)
	switch {
	case code(err) == codeNoStream:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("ask the broker which store it has: %w", explain(err))
	}
	return info.Created.UTC().Format("20060102T150405.000000000"), nil
}
