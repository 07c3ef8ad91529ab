package barrier

import (
	"context"
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent"
)

// Begin says that the effect of key is about to be tried outside of the
// database. What it returns is what was noted before:
//
//   - no state: this is the first try;
//   - [Begun]: an earlier try may have had its effect: ask the other side, or
//     repeat with the same key where it knows keys;
//   - [Done]: it happened; Result is its result, and there is nothing to do.
//
// A dead key is refused with [agent.ErrDead].
func (g *Gate[Tx]) Begin(ctx context.Context, key string) (was Note, err error) {
	was, _, err = g.phase(ctx, callBegin, key, nil)
	return was, err
}

// Done says that the effect happened, with this result. The first result stays:
// it is what Done returns. [agent.ErrDead] means that the key was compensated
// meanwhile, by one who could not know of this effect: undo it.
func (g *Gate[Tx]) Done(ctx context.Context, key string, r agent.Result) (first agent.Result, err error) {
	_, is, err := g.phase(ctx, callDone, key, func(n *Note) error { return n.keep(r) })
	if err != nil {
		return agent.Result{}, err
	}
	return is.answer()
}

// Failed takes one Begin back whose effect certainly did not happen. The key is
// forgotten if that was the only try; where another's end is unknown it stays
// begun. On a key that is in any other state it does nothing.
func (g *Gate[Tx]) Failed(ctx context.Context, key string) error {
	_, _, err := g.phase(ctx, callFailed, key, nil)
	return err
}

// BeginUndo closes the key for ever and says that its undoing is about to be
// tried outside. What it returns is what is owed:
//
//   - [Done]: undo it; Result and Undo are what Done said;
//   - [Begun]: it may have happened: ask the other side, by key;
//   - [Undoing]: an earlier undoing may have worked: repeat it; Found, Result
//     and Undo are what that one met;
//   - [Dead] or no state: there is nothing to undo (any more), and the key is
//     dead. Of a dead key, Found says whether there was something.
func (g *Gate[Tx]) BeginUndo(ctx context.Context, key string) (was Note, err error) {
	was, _, err = g.phase(ctx, callBeginUndo, key, nil)
	return was, err
}

// Undone says that nothing of the effect is left outside, and whether there was
// something: the first answer stays.
func (g *Gate[Tx]) Undone(ctx context.Context, key string, found bool) error {
	_, _, err := g.phase(ctx, callUndone, key, func(n *Note) error { n.Found = found; return nil })
	return err
}

// Begin is [Gate.Begin] inside the caller's transaction. Commit it before the
// effect is made.
func (i Inside[Tx]) Begin(ctx context.Context, key string) (was Note, err error) {
	was, _, err = i.phase(ctx, callBegin, key, nil)
	return was, err
}

// Done is [Gate.Done] inside the caller's transaction.
func (i Inside[Tx]) Done(ctx context.Context, key string, r agent.Result) (first agent.Result, err error) {
	_, is, err := i.phase(ctx, callDone, key, func(n *Note) error { return n.keep(r) })
	if err != nil {
		return agent.Result{}, err
	}
	return is.answer()
}

// Failed is [Gate.Failed] inside the caller's transaction.
func (i Inside[Tx]) Failed(ctx context.Context, key string) error {
	_, _, err := i.phase(ctx, callFailed, key, nil)
	return err
}

// BeginUndo is [Gate.BeginUndo] inside the caller's transaction. Commit it
// before anything is undone.
func (i Inside[Tx]) BeginUndo(ctx context.Context, key string) (was Note, err error) {
	was, _, err = i.phase(ctx, callBeginUndo, key, nil)
	return was, err
}

// Undone is [Gate.Undone] inside the caller's transaction.
func (i Inside[Tx]) Undone(ctx context.Context, key string, found bool) error {
	_, _, err := i.phase(ctx, callUndone, key, func(n *Note) error { n.Found = found; return nil })
	return err
}

func (g *Gate[Tx]) phase(ctx context.Context, c call, key string, fill func(*Note) error) (was, is Note, err error) {
	err = g.transact(ctx, c, key, func(tx Tx) (err error) {
		was, is, err = g.In(tx).note(ctx, c, key, fill)
		return err
	})
	return was, is, err
}

func (i Inside[Tx]) phase(ctx context.Context, c call, key string, fill func(*Note) error) (was, is Note, err error) {
	err = i.nested(ctx, c, key, func() (err error) {
		was, is, err = i.note(ctx, c, key, fill)
		return err
	})
	return was, is, err
}

// note writes what follows from a call that runs nothing. fill adds to the note
// what the caller knows.
func (i Inside[Tx]) note(ctx context.Context, c call, key string, fill func(*Note) error) (was, is Note, err error) {
	then, first, err := judge(c, Note{Key: key})
	switch {
	case err == nil && then == write:
		var claimed bool
		if was, claimed, err = i.claim(ctx, key, first); err != nil || claimed {
			return Note{Key: key}, first, err
		}
	default: // a phase that can't be the first
		var there bool
		if was, there, err = i.gate.table.hold(ctx, i.tx, key); err != nil {
			return was, is, err
		}
		if !there {
			was = Note{Key: key}
		}
	}
	then, is, err = judge(c, was)
	switch {
	case err != nil:
		return was, is, err
	case then == forget:
		return was, is, i.gate.table.remove(ctx, i.tx, key)
	case then == answer:
		return was, was, nil
	}
	if fill != nil {
		if err := fill(&is); err != nil {
			return was, is, fmt.Errorf("keep what is known: %w", err)
		}
	}
	return was, is, i.gate.table.update(ctx, i.tx, is)
}
