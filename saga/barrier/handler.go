package barrier

import (
	"context"
	"encoding/json"

	"github.com/unwind-saga/unwind/saga/agent"
)

// Perform makes an [agent.Handler]'s Perform of an effect that is in the
// database: [Gate.Do] with the task's key.
func (g *Gate[Tx]) Perform(effect func(ctx context.Context, tx Tx, t agent.Task) (agent.Result, error)) func(context.Context, agent.Task) (agent.Result, error) {
	return func(ctx context.Context, t agent.Task) (agent.Result, error) {
		return g.Do(ctx, t.Key, func(tx Tx) (agent.Result, error) { return effect(ctx, tx, t) })
	}
}

// Compensate makes one of its compensations: [Gate.Undo] with the key of what is
// to be undone. The token is the one that was noted with the effect, so it is
// there even where the saga never heard of the outcome.
//
// A token that the saga has, for a key of which nothing is noted, is
// [ErrForgotten] and leaves no tombstone: this is the wrong database, or one
// that was set back.
func (g *Gate[Tx]) Compensate(effect func(ctx context.Context, tx Tx, u agent.Undo) error) func(context.Context, agent.Undo) error {
	return func(ctx context.Context, u agent.Undo) error {
		var is Note
		err := g.transact(ctx, callUndo, u.Of, func(tx Tx) error {
			was, now, err := g.In(tx).undo(ctx, u.Of, func(tx Tx, token json.RawMessage) error {
				noted := u
				noted.Token = token
				return effect(ctx, tx, noted)
			})
			is = now
			if err == nil && len(u.Token) > 0 {
				return forgotten(was)
			}
			return err
		})
		if err != nil {
			return err
		}
		return found(is)
	}
}
