package dev

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/events"
)

// Next is the sequence that the next event of a saga type will have at least:
// where to follow from, to see what happens from now on.
func Next(ctx context.Context, log *broker.Log, typ string) (uint64, error) {
	if err := events.ValidName("saga type", typ); err != nil {
		return 0, err
	}
	fail := func(err error) (uint64, error) { return 0, fmt.Errorf("find the end of saga type %q: %w", typ, err) }
	js, err := jetstream.New(log.Conn())
	if err != nil {
		return fail(err)
	}
	stream, err := js.Stream(ctx, "SAGA_"+typ)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fail(fmt.Errorf("%w\nhint: a saga type is there once one of its agents has run", events.ErrNoType))
	}
	if err != nil {
		return fail(err)
	}
	return stream.CachedInfo().State.LastSeq + 1, nil
}
