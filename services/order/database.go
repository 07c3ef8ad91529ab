package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

// A Database is one house's PostgreSQL, with the barrier in it.
type Database struct {
	*pgxpool.Pool
	Barrier *barrier.Gate[pgx.Tx]
}

// OpenDatabase opens it, and makes the tables: the barrier's and those of the
// schema, which must bear to find them.
func OpenDatabase(ctx context.Context, dsn, schema string) (*Database, error) {
	if dsn == "" {
		return nil, errors.New("open database: settings.database is empty\nhint: `go run ./services/order/outside` starts one, and says what to set")
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := &Database{Pool: pool, Barrier: barrier.Postgres(pool, barrier.Config{})}
	if err := errors.Join(db.Barrier.Migrate(ctx), db.migrate(ctx, schema)); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the tables of database %q: %w", pool.Config().ConnConfig.Database, err)
	}
	return db, nil
}

// migrate makes tables under a lock: of two agents that start at the same moment
// one would find "if not exists" true, and the table there.
func (db *Database) migrate(ctx context.Context, schema string) error {
	return pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('unwind order'))`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, schema)
		return err
	})
}

// Unreached reads an error of a database that could not be connected to: the
// statement was never sent, whatever the connection died of. What else went wrong
// keeps its class.
func Unreached(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return &agent.Failure{Class: events.Transient, Code: "no_database", Err: err}
	}
	return err
}
