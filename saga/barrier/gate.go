package barrier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
)

// A Config is what is optional. Its zero value works.
type Config struct {
	Table     string         // default "unwind_barrier"; in PostgreSQL also schema.table
	Isolation pgx.TxIsoLevel // of the gate's own transactions, in PostgreSQL; default the database's
	Tries     int            // of a transaction that loses against another, in PostgreSQL; default 20
}

// A Gate keeps the barrier of one database, whose driver's transactions are Tx.
// It is safe for concurrent use, as far as the database is.
type Gate[Tx any] struct {
	table table[Tx]
	tries int
	wrong error // in the configuration
}

func newGate[Tx any](t table[Tx], c Config, wrong error) *Gate[Tx] {
	g := &Gate[Tx]{table: t, tries: c.Tries, wrong: wrong}
	if g.tries <= 0 {
		g.tries = 20
	}
	return g
}

// Migrate makes the table, or finds that it is there. Any number of instances
// may do so at once. Where the table is, no more than reading it is needed: an
// agent's user need not be allowed to make tables.
func (g *Gate[Tx]) Migrate(ctx context.Context) error {
	if g.wrong != nil {
		return fmt.Errorf("migrate the barrier: %w", g.wrong)
	}
	if g.table.fits(ctx) == nil {
		return nil
	}
	if err := g.own(ctx, "migrate the barrier", func() error { return g.table.create(ctx) }); err != nil {
		return fmt.Errorf("migrate the barrier: %w", err)
	}
	if err := g.table.fits(ctx); err != nil {
		return fmt.Errorf("migrate the barrier: %w\nhint: is the name taken by a table of another program?", err)
	}
	return nil
}

// Do runs effect and notes its result, in one transaction. A duplicate key gets
// the first result, encoded as JSON, and effect is not run; the first one gets it
// in the same form. An error or a panic of effect leaves no trace and is returned
// as it is. A dead key is refused with [agent.ErrDead].
//
// A transaction that loses against another is tried again, so effect may run
// more than once, but is committed once. It returns the errors of its
// statements, and has no effect outside of its transaction.
func (g *Gate[Tx]) Do(ctx context.Context, key string, effect func(tx Tx) (agent.Result, error)) (result agent.Result, err error) {
	err = g.transact(ctx, callDo, key, func(tx Tx) error {
		result, err = g.In(tx).do(ctx, key, effect)
		return err
	})
	if err != nil {
		return agent.Result{}, err
	}
	return result, nil
}

// Undo runs effect and leaves a tombstone, in one transaction. The token is what
// Do's result had as Undo, and nil if it had none. Where nothing was done, effect
// is not run, the tombstone is left all the same, and the answer is
// [agent.ErrNothingFound]; so it is if effect itself answers that. A duplicate
// runs nothing and is answered as the first one was.
func (g *Gate[Tx]) Undo(ctx context.Context, key string, effect func(tx Tx, token json.RawMessage) error) error {
	var is Note
	err := g.transact(ctx, callUndo, key, func(tx Tx) (err error) {
		_, is, err = g.In(tx).undo(ctx, key, effect)
		return err
	})
	if err != nil {
		return err
	}
	return found(is)
}

// Look reads what is noted of a key: no state, if it was never seen.
func (g *Gate[Tx]) Look(ctx context.Context, key string) (Note, error) {
	if g.wrong != nil {
		return Note{}, fmt.Errorf("look up %s: %w", key, g.wrong)
	}
	n, found, err := g.table.look(ctx, key)
	switch {
	case err != nil:
		return Note{}, fmt.Errorf("look up %s: %w", key, err)
	case !found:
		return Note{Key: key}, nil
	}
	return n, nil
}

// Forget removes the notes of what was done, or closed for ever, longer ago
// than age, and says how many. What was begun stays until somebody knows its
// end.
//
// A key that is forgotten is no longer dead, and what was done under it can't be
// undone any more: age must be more than any saga takes, the time that it may be
// stuck included, and more than any process may be paused.
func (g *Gate[Tx]) Forget(ctx context.Context, age time.Duration) (int64, error) {
	if g.wrong != nil {
		return 0, fmt.Errorf("forget old keys: %w", g.wrong)
	}
	n, err := g.table.forget(ctx, age)
	if err != nil {
		return 0, fmt.Errorf("forget old keys: %w", err)
	}
	return n, nil
}

// errUnsure: the answer to a commit was lost.
var errUnsure = errors.New("nobody knows whether it was committed")

// theirs is an error of the author's function, which is handed on as it is.
type theirs struct{ error }

func (t theirs) Unwrap() error { return t.error }

// transact runs do in a transaction of the gate's own, as often as it takes.
func (g *Gate[Tx]) transact(ctx context.Context, c call, key string, do func(tx Tx) error) error {
	attempt := fmt.Sprintf("%s %s", c, key)
	if g.wrong != nil {
		return fmt.Errorf("%s: %w", attempt, g.wrong)
	}
	return explain(attempt, g.own(ctx, attempt, func() error { return g.table.transact(ctx, do) }))
}

// own tries a transaction of the gate's own again while it loses against others.
func (g *Gate[Tx]) own(ctx context.Context, attempt string, transact func() error) error {
	for try := 1; ; try++ {
		err := transact()
		if err == nil || !g.table.again(err) {
			return err
		}
		if try == g.tries {
			return fmt.Errorf("it lost against another transaction %d times: %w", try, err)
		}
		// A loser waits a little longer each time, and no two as long.
		pause := time.Duration(1+rand.IntN(1<<min(try, 7))) * time.Millisecond
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%s: %w)", ctx.Err(), attempt, err)
		case <-time.After(pause):
		}
	}
}

// explain says what an error means for the saga. What the author's function
// said stands. Our own errors came before a commit, and left nothing, whatever
// they look like; only that of a commit whose answer was lost may have left
// something.
func explain(attempt string, err error) error {
	var said theirs
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return said.error
	case errors.Is(err, agent.ErrDead):
		return fmt.Errorf("%s: %w", attempt, err)
	case errors.Is(err, errUnsure):
		return agent.Unknown(fmt.Errorf("%s: %w", attempt, err))
	default:
		return &agent.Failure{Class: events.Transient, Err: fmt.Errorf("%s: nothing was done: %w", attempt, err)}
	}
}

// found is what a compensation answers.
func found(n Note) error {
	if !n.Found {
		return agent.ErrNothingFound
	}
	return nil
}
