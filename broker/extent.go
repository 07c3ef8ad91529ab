package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/events"
)

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

// At is the sequence of the first event of a type that was written at a time or
// later, or that of the next one if there is none yet.
func (l *Log) At(ctx context.Context, typ string, since time.Time) (uint64, error) {
	reach, err := l.Extent(ctx, typ)
	if err != nil {
		return 0, err
	}
	v, _, err := l.page(ctx, sagaStream(typ), struct {
		Since time.Time `json:"start_time"`
		Most  int       `json:"batch"`
	}{since.UTC(), 1})
	switch {
	case err != nil:
		return 0, fmt.Errorf("find what saga type %q had at %s: %w", typ, since.UTC().Format(time.RFC3339), err)
	case len(v.messages) == 0:
		return reach.Last + 1, nil
	}
	return v.messages[0].seq, nil
}
