package barrier

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Pool is what the barrier needs of PostgreSQL: a *pgxpool.Pool, or one
// *pgx.Conn.
type Pool interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Postgres is the barrier in a PostgreSQL database. A mistake in the
// configuration is told by whatever is called first, which should be
// [Gate.Migrate].
func Postgres(pool Pool, c Config) *Gate[pgx.Tx] {
	name, err := tableName(cmp.Or(c.Table, defaultTable))
	return newGate(newPostgres(pool, name, c.Isolation), c, err)
}

// PostgresSchema is what [Gate.Migrate] runs, for those who run their
// migrations by another tool. It may be run again.
func PostgresSchema(c Config) (string, error) {
	name, err := tableName(cmp.Or(c.Table, defaultTable))
	if err != nil {
		return "", fmt.Errorf("schema of the barrier: %w", err)
	}
	return postgresSchema(name), nil
}

func postgresSchema(name string) string {
	return `CREATE TABLE IF NOT EXISTS ` + name + ` (
	key     text PRIMARY KEY,
	state   text NOT NULL CHECK (state IN ('begun', 'done', 'undoing', 'dead')),
	tries   integer NOT NULL DEFAULT 0,
	found   boolean NOT NULL DEFAULT false,
	result  json,
	undo    json,
	pending json,
	at      timestamptz NOT NULL DEFAULT now()
);
`
}

// postgres keeps notes in PostgreSQL. The statements are whole strings, because
// pgx prepares each once for a connection.
type postgres struct {
	pool      Pool
	isolation pgx.TxIsoLevel
	schema    string

	inserts, holds, looks, updates, removes, forgets string
}

func newPostgres(pool Pool, name string, isolation pgx.TxIsoLevel) *postgres {
	read := `SELECT key, state, tries, found, result::text, undo::text, pending::text, at FROM ` + name + ` WHERE key = $1`
	return &postgres{
		pool: pool, isolation: isolation, schema: postgresSchema(name),
		// If another transaction has inserted the key and not ended, this
		// waits for its end. What it has committed is not in this statement's
		// view, so it has to be read by another one.
		inserts: `INSERT INTO ` + name + ` (key, state, tries, found) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING`,
		holds:   read + ` FOR UPDATE`,
		looks:   read,
		updates: `UPDATE ` + name + ` SET state = $2, tries = $3, found = $4, result = $5::text::json, undo = $6::text::json, pending = $7::text::json, at = now() WHERE key = $1`,
		removes: `DELETE FROM ` + name + ` WHERE key = $1`,
		forgets: `DELETE FROM ` + name + ` WHERE state IN ('done', 'dead') AND at < now() - $1::interval`,
	}
}

func (p *postgres) transact(ctx context.Context, do func(tx pgx.Tx) error) error {
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: p.isolation})
	if err != nil {
		return err
	}
	defer p.rollback(ctx, tx) // after a commit it does nothing; after a panic it frees the connection
	if err := do(tx); err != nil {
		return err
	}
	return sure(tx.Commit(ctx))
}

// sure reads the error of a commit. If the server answered, nothing is
// committed.
func sure(err error) error {
	var said *pgconn.PgError
	if err == nil || errors.As(err, &said) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnsure, err)
}

// rollback has time of its own: the context may be what ended the transaction,
// and a connection that is not put in order is lost to the pool.
func (p *postgres) rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = tx.Rollback(ctx) // what it can't undo, the end of the connection undoes
}

func (p *postgres) nested(ctx context.Context, tx pgx.Tx, do func() error) error {
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	defer p.rollback(ctx, savepoint)
	if err := do(); err != nil {
		return err
	}
	return savepoint.Commit(ctx)
}

func (p *postgres) insert(ctx context.Context, tx pgx.Tx, n Note) (bool, error) {
	tag, err := tx.Exec(ctx, p.inserts, n.Key, n.State, n.Tries, n.Found)
	return tag.RowsAffected() == 1, p.hint(err)
}

func (p *postgres) hold(ctx context.Context, tx pgx.Tx, key string) (Note, bool, error) {
	return p.read(tx.Query(ctx, p.holds, key))
}

func (p *postgres) look(ctx context.Context, key string) (Note, bool, error) {
	return p.read(p.pool.Query(ctx, p.looks, key))
}

func (p *postgres) read(rows pgx.Rows, err error) (n Note, found bool, _ error) {
	if err != nil {
		return Note{}, false, p.hint(err)
	}
	var result, undo, pending *string
	_, err = pgx.ForEachRow(rows, []any{&n.Key, &n.State, &n.Tries, &n.Found, &result, &undo, &pending, &n.At}, func() error {
		found, n.Result, n.Undo, n.Pending = true, raw(result), raw(undo), raw(pending)
		return nil
	})
	return n, found, p.hint(err)
}

func raw(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}

// text is JSON as a parameter; nil is NULL.
func text(j json.RawMessage) *string {
	if j == nil {
		return nil
	}
	s := string(j)
	return &s
}

func (p *postgres) update(ctx context.Context, tx pgx.Tx, n Note) error {
	_, err := tx.Exec(ctx, p.updates, n.Key, n.State, n.Tries, n.Found, text(n.Result), text(n.Undo), text(n.Pending))
	return p.hint(err)
}

func (p *postgres) remove(ctx context.Context, tx pgx.Tx, key string) error {
	_, err := tx.Exec(ctx, p.removes, key)
	return err
}

func (p *postgres) forget(ctx context.Context, age time.Duration) (int64, error) {
	tag, err := p.pool.Exec(ctx, p.forgets, age)
	return tag.RowsAffected(), p.hint(err)
}

func (p *postgres) fits(ctx context.Context) error {
	_, _, err := p.look(ctx, "")
	return err
}

// create makes the table. IF NOT EXISTS alone does not help two that make it at
// the same moment: the second fails at the catalogue's own unique index. So they
// queue up.
func (p *postgres) create(ctx context.Context) error {
	return p.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, p.schema); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, p.schema)
		return err
	})
}

// The codes of errors that have a meaning here.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	undefinedTable       = "42P01"
	inFailedTransaction  = "25P02"
)

func (p *postgres) again(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && (said.Code == serializationFailure || said.Code == deadlockDetected)
}

func (p *postgres) hint(err error) error {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return err
	}
	switch said.Code {
	case undefinedTable:
		return fmt.Errorf("%w\nhint: call Migrate first, or run what PostgresSchema returns", err)
	case inFailedTransaction:
		return fmt.Errorf("%w\nhint: the effect must return the errors of its statements, and not go on after one", err)
	}
	return err
}
