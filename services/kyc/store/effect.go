package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

var (
	// ErrDead refuses an effect whose key was undone, or is being undone. It
	// left nothing behind; at Done it means that the effect which was made
	// outside must be undone by whoever made it.
	ErrDead = errors.New("the key is dead: it was compensated")

	// ErrBegun refuses to Do or Undo in one transaction what was begun in two
	// phases.
	ErrBegun = errors.New("the key was begun in two phases")

	// ErrNotBegun refuses a second phase without its first.
	ErrNotBegun = errors.New("the key was not begun")
)

// State of a key. One that was never seen has none.
type State string

// The states.
const (
	Begun   State = "begun"   // the effect, outside, may have happened
	Done    State = "done"    // it happened
	Undoing State = "undoing" // its undoing, outside, may have happened
	Dead    State = "dead"    // undone, or there was nothing: the tombstone
)

// Effect is what the store knows of one key.
type Effect struct {
	Key    string
	State  State
	Tries  int    // Begins whose end nobody knows
	Found  bool   // of a key undoing or dead: whether there was something to undo
	Result []byte // of Do or Done
	At     string // when the state was reached, by this machine's clock: RFC 3339
}

// Do runs effect and remembers its result, in one transaction. A duplicate key
// answers the first result without running anything; an error or a panic of
// effect leaves no trace; a dead key is refused with [ErrDead].
func (s *Store) Do(ctx context.Context, key string, effect func(tx *sql.Tx) ([]byte, error)) (result []byte, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		was, err := look(ctx, tx, key)
		if err != nil {
			return err
		}
		switch was.State {
		case "":
			if result, err = effect(tx); err != nil {
				return err
			}
			return set(ctx, tx, Effect{Key: key, State: Done, Result: result}, "do")
		case Done:
			result = was.Result
			return nil
		case Begun:
			return ErrBegun
		default:
			return ErrDead
		}
	})
	if err != nil {
		return nil, fmt.Errorf("do %s: %w", key, err)
	}
	return result, nil
}

// Undo runs effect with the result of Do and leaves a tombstone, in one
// transaction. Where nothing was done it leaves the tombstone only. A duplicate
// runs nothing and answers what the first one found.
func (s *Store) Undo(ctx context.Context, key string, effect func(tx *sql.Tx, result []byte) error) (found bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		was, err := look(ctx, tx, key)
		if err != nil {
			return err
		}
		switch was.State {
		case "":
			return set(ctx, tx, Effect{Key: key, State: Dead}, "bury")
		case Done:
			if err := effect(tx, was.Result); err != nil {
				return err
			}
			found = true
			return set(ctx, tx, Effect{Key: key, State: Dead, Found: true, Result: was.Result}, "undo")
		case Dead:
			found = was.Found
			return nil
		default:
			return ErrBegun
		}
	})
	if err != nil {
		return false, fmt.Errorf("undo %s: %w", key, err)
	}
	return found, nil
}

// A viewer is a transaction, or the file as it is.
type viewer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func look(ctx context.Context, in viewer, key string) (Effect, error) {
	e := Effect{Key: key}
	err := in.QueryRowContext(ctx, `SELECT state, tries, found, result, at FROM unwind_effect WHERE key = ?`, key).
		Scan(&e.State, &e.Tries, &e.Found, &e.Result, &e.At)
	if errors.Is(err, sql.ErrNoRows) {
		return e, nil
	}
	return e, err
}

// set writes the key's row and, in the log, what was done to get there.
func set(ctx context.Context, tx *sql.Tx, e Effect, what string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO unwind_effect (key, state, tries, found, result) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET state = excluded.state, tries = excluded.tries, found = excluded.found,
			result = excluded.result, at = strftime('%Y-%m-%dT%H:%M:%fZ')`, e.Key, e.State, e.Tries, e.Found, e.Result)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO unwind_run (key, what) VALUES (?, ?)`, e.Key, what)
	return err
}
