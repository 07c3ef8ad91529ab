package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Begin says that the effect of key is about to be tried outside of the file.
// What it returns is what was known before:
//
//   - no state: this is the first try;
//   - [Begun]: an earlier try may have had its effect: ask the other side, or
//     repeat with the same key where it knows keys;
//   - [Done]: it happened; Result is its result, and there is nothing to do.
//
// A dead key is refused with [ErrDead].
func (s *Store) Begin(ctx context.Context, key string) (was Effect, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if was, err = look(ctx, tx, key); err != nil {
			return err
		}
		switch was.State {
		case "", Begun:
			return set(ctx, tx, Effect{Key: key, State: Begun, Tries: was.Tries + 1}, "begin")
		case Done:
			return nil
		default:
			return ErrDead
		}
	})
	if err != nil {
		return Effect{}, fmt.Errorf("begin %s: %w", key, err)
	}
	return was, nil
}

// Done says that the effect happened, with this result. The first result stays:
// it is what Done returns. [ErrDead] means that the key was undone meanwhile, by
// one who could not know of this effect: undo it.
func (s *Store) Done(ctx context.Context, key string, result []byte) (first []byte, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		was, err := look(ctx, tx, key)
		if err != nil {
			return err
		}
		switch was.State {
		case "":
			return ErrNotBegun
		case Begun:
			first = result
			return set(ctx, tx, Effect{Key: key, State: Done, Result: result}, "done")
		case Done:
			first = was.Result
			return nil
		default:
			return ErrDead
		}
	})
	if err != nil {
		return nil, fmt.Errorf("finish %s: %w", key, err)
	}
	return first, nil
}

// Failed takes one Begin back whose effect certainly did not happen. The key is
// forgotten if that was the only try; where another's end is unknown it stays
// begun. On a key that is in any other state it does nothing.
func (s *Store) Failed(ctx context.Context, key string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		was, err := look(ctx, tx, key)
		switch {
		case err != nil || was.State != Begun:
			return err
		case was.Tries > 1:
			return set(ctx, tx, Effect{Key: key, State: Begun, Tries: was.Tries - 1}, "fail")
		}
		if err := set(ctx, tx, was, "fail"); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM unwind_effect WHERE key = ?`, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("fail %s: %w", key, err)
	}
	return nil
}

// BeginUndo closes the key for ever and says that its undoing is about to be
// tried outside. What it returns is what is owed:
//
//   - [Done]: undo it; Result is what Done said;
//   - [Begun]: it may have happened: ask the other side, by key;
//   - [Undoing]: an earlier undoing may have worked: repeat it; Found and Result
//     are what that one met;
//   - [Dead] or no state: there is nothing to undo (any more), and the key is dead.
func (s *Store) BeginUndo(ctx context.Context, key string) (was Effect, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if was, err = look(ctx, tx, key); err != nil {
			return err
		}
		switch was.State {
		case "":
			return set(ctx, tx, Effect{Key: key, State: Dead}, "bury")
		case Begun, Done:
			return set(ctx, tx, Effect{Key: key, State: Undoing, Tries: was.Tries, Found: was.State == Done, Result: was.Result}, "begin undo")
		default:
			return nil
		}
	})
	if err != nil {
		return Effect{}, fmt.Errorf("begin to undo %s: %w", key, err)
	}
	return was, nil
}

// Undone says that nothing of the effect is left outside, and whether there was
// something: the first answer stays.
func (s *Store) Undone(ctx context.Context, key string, found bool) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		was, err := look(ctx, tx, key)
		if err != nil {
			return err
		}
		switch was.State {
		case Undoing:
			return set(ctx, tx, Effect{Key: key, State: Dead, Found: found, Result: was.Result}, "undo")
		case Dead:
			return nil
		default:
			return ErrNotBegun
		}
	})
	if err != nil {
		return fmt.Errorf("finish undoing %s: %w", key, err)
	}
	return nil
}
