package barrier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
)

// An Inside is the barrier inside a transaction of the caller's. What it
// answers holds if that transaction is committed, and a transaction that loses
// against another is the caller's to try again.
//
// Until the transaction ends, every other one that asks for the same key
// waits. Two that ask for several keys should do so in the same order, or the
// database will choose one of them to lose.
type Inside[Tx any] struct {
	gate *Gate[Tx]
	tx   Tx
}

// In is the barrier inside a transaction of the caller's. In SQLite its first
// statement must have been one that writes, or it must have begun with BEGIN
// IMMEDIATE.
func (g *Gate[Tx]) In(tx Tx) Inside[Tx] { return Inside[Tx]{g, tx} }

// Do is [Gate.Do] inside the caller's transaction. If it returns an error, the
// transaction is as it was before and may be committed without it.
func (i Inside[Tx]) Do(ctx context.Context, key string, effect func(tx Tx) (agent.Result, error)) (result agent.Result, err error) {
	err = i.nested(ctx, callDo, key, func() error {
		result, err = i.do(ctx, key, effect)
		return err
	})
	if err != nil {
		return agent.Result{}, err
	}
	return result, nil
}

// Undo is [Gate.Undo] inside the caller's transaction. [agent.ErrNothingFound]
// is an answer: the tombstone is there, and the transaction must be committed for
// it to stay.
func (i Inside[Tx]) Undo(ctx context.Context, key string, effect func(tx Tx, token json.RawMessage) error) error {
	var is Note
	err := i.nested(ctx, callUndo, key, func() (err error) {
		_, is, err = i.undo(ctx, key, effect)
		return err
	})
	if err != nil {
		return err
	}
	return found(is)
}

func (i Inside[Tx]) nested(ctx context.Context, c call, key string, do func() error) error {
	attempt := fmt.Sprintf("%s %s", c, key)
	if i.gate.wrong != nil {
		return fmt.Errorf("%s: %w", attempt, i.gate.wrong)
	}
	return explain(attempt, i.gate.table.nested(ctx, i.tx, do))
}

func (i Inside[Tx]) do(ctx context.Context, key string, effect func(tx Tx) (agent.Result, error)) (agent.Result, error) {
	// The claim: whoever wants the key from here on waits for our end.
	was, claimed, err := i.claim(ctx, key, Note{Key: key, State: Begun})
	if err != nil {
		return agent.Result{}, err
	}
	if claimed {
		was = Note{Key: key}
	}
	then, next, err := judge(callDo, was)
	if err != nil {
		return agent.Result{}, err
	}
	if then == answer {
		return was.answer()
	}
	r, err := effect(i.tx)
	if err != nil {
		return agent.Result{}, theirs{err}
	}
	if err := next.keep(r); err != nil {
		return agent.Result{}, theirs{err}
	}
	if err := i.gate.table.update(ctx, i.tx, next); err != nil {
		return agent.Result{}, err
	}
	return next.answer()
}

func (i Inside[Tx]) undo(ctx context.Context, key string, effect func(tx Tx, token json.RawMessage) error) (was, is Note, err error) {
	_, tombstone, err := judge(callUndo, Note{Key: key})
	if err != nil {
		return was, is, err
	}
	was, claimed, err := i.claim(ctx, key, tombstone)
	if err != nil || claimed {
		return was, tombstone, err
	}
	then, is, err := judge(callUndo, was)
	if err != nil || then == answer {
		return was, is, err
	}
	switch err := effect(i.tx, was.Undo); {
	case errors.Is(err, agent.ErrNothingFound):
		is.Found = false
	case err != nil:
		return was, is, theirs{err}
	}
	return was, is, i.gate.table.update(ctx, i.tx, is)
}

// claim writes the first note of a key, or holds the one that is there. A note
// that was there a moment ago and is gone was forgotten meanwhile.
func (i Inside[Tx]) claim(ctx context.Context, key string, first Note) (was Note, claimed bool, err error) {
	for {
		if claimed, err = i.gate.table.insert(ctx, i.tx, first); err != nil || claimed {
			return Note{}, claimed, err
		}
		was, there, err := i.gate.table.hold(ctx, i.tx, key)
		if err != nil || there {
			return was, false, err
		}
	}
}
