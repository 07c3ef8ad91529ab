package barrier

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SQLite is the barrier in an SQLite database. Any driver will do whose errors
// tell SQLite's result code by a method Code; it is tried with
// modernc.org/sqlite. A mistake in the configuration is told by whatever is
// called first, which should be [Gate.Migrate].
//
// Every call holds the file's write lock from its first statement to its end, so
// a slow effect makes all other writers wait. They do so until their context
// ends; a busy_timeout in the data source's name makes that cheaper, and
// journal_mode(WAL) keeps readers out of it. With synchronous(NORMAL) or less the
// last commits are lost in a power failure, and a lost note is an effect done
// twice: take synchronous(FULL).
func SQLite(db *sql.DB, c Config) *Gate[*sql.Tx] {
	name, err := tableName(cmp.Or(c.Table, defaultTable))
	g := newGate(newSQLite(db, name), c, err)
	g.tries = 0 // it waits for a lock and does not lose
	return g
}

// SQLiteSchema is what [Gate.Migrate] runs, for those who run their migrations
// by another tool. It may be run again.
func SQLiteSchema(c Config) (string, error) {
	name, err := tableName(cmp.Or(c.Table, defaultTable))
	if err != nil {
		return "", fmt.Errorf("schema of the barrier: %w", err)
	}
	return sqliteSchema(name), nil
}

func sqliteSchema(name string) string {
	return `CREATE TABLE IF NOT EXISTS ` + name + ` (
	key     TEXT PRIMARY KEY,
	state   TEXT NOT NULL CHECK (state IN ('begun', 'done', 'undoing', 'dead')),
	tries   INTEGER NOT NULL DEFAULT 0,
	found   INTEGER NOT NULL DEFAULT 0,
	result  TEXT,
	undo    TEXT,
	pending TEXT,
	at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;
`
}

// sqlite keeps notes in SQLite. There is one writer at a time: whatever is the
// first statement of a transaction must be one that writes, because a
// transaction that reads first and locks later would act on what another has
// just changed.
type sqlite struct {
	db     *sql.DB
	schema string

	inserts, holds, looks, updates, removes, forgets string
}

func newSQLite(db *sql.DB, name string) *sqlite {
	const columns = `key, state, tries, found, result, undo, pending, at`
	return &sqlite{
		db: db, schema: sqliteSchema(name),
		inserts: `INSERT INTO ` + name + ` (key, state, tries, found) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
		holds:   `UPDATE ` + name + ` SET key = key WHERE key = ? RETURNING ` + columns,
		looks:   `SELECT ` + columns + ` FROM ` + name + ` WHERE key = ?`,
		updates: `UPDATE ` + name + ` SET state = ?, tries = ?, found = ?, result = ?, undo = ?, pending = ?, at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE key = ?`,
		removes: `DELETE FROM ` + name + ` WHERE key = ?`,
		forgets: `DELETE FROM ` + name + ` WHERE state IN ('done', 'dead') AND at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)`,
	}
}

func (s *sqlite) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing; after a panic it frees the lock
	if err := do(tx); err != nil {
		return err
	}
	switch err := tx.Commit(); {
	case resultCode(err) == ioError:
		// It may be written and not synced.
		return fmt.Errorf("%w: %w", errUnsure, err)
	default:
		return err
	}
}

func (s *sqlite) nested(ctx context.Context, tx *sql.Tx, do func() error) (err error) {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT unwind_barrier`); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			// Not the context's business: the caller may go on with the transaction.
			_, undone := tx.ExecContext(context.WithoutCancel(ctx), `ROLLBACK TO unwind_barrier; RELEASE unwind_barrier`)
			if undone != nil && !errors.Is(undone, sql.ErrTxDone) {
				err = errors.Join(err, fmt.Errorf("take back what was done: %w", undone))
			}
		}
	}()
	if err := do(); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `RELEASE unwind_barrier`)
	done = err == nil
	return err
}

func (s *sqlite) insert(ctx context.Context, tx *sql.Tx, n Note) (bool, error) {
	r, err := tx.ExecContext(ctx, s.inserts, n.Key, n.State, n.Tries, n.Found)
	if err != nil {
		return false, s.hint(err)
	}
	rows, err := r.RowsAffected()
	return rows == 1, err
}

func (s *sqlite) hold(ctx context.Context, tx *sql.Tx, key string) (Note, bool, error) {
	return s.read(tx.QueryContext(ctx, s.holds, key))
}

func (s *sqlite) look(ctx context.Context, key string) (Note, bool, error) {
	return s.read(s.db.QueryContext(ctx, s.looks, key))
}

func (s *sqlite) read(rows *sql.Rows, err error) (n Note, found bool, _ error) {
	if err != nil {
		return Note{}, false, s.hint(err)
	}
	defer func() { _ = rows.Close() }() // Err below has what it would say
	for rows.Next() {
		var result, undo, pending *string
		var at string
		if err := rows.Scan(&n.Key, &n.State, &n.Tries, &n.Found, &result, &undo, &pending, &at); err != nil {
			return Note{}, false, err
		}
		n.Result, n.Undo, n.Pending, found = raw(result), raw(undo), raw(pending), true
		if n.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return Note{}, false, fmt.Errorf("read when %s was noted: %w", n.Key, err)
		}
	}
	return n, found, s.hint(rows.Err())
}

func (s *sqlite) update(ctx context.Context, tx *sql.Tx, n Note) error {
	_, err := tx.ExecContext(ctx, s.updates, n.State, n.Tries, n.Found, text(n.Result), text(n.Undo), text(n.Pending), n.Key)
	return err
}

func (s *sqlite) remove(ctx context.Context, tx *sql.Tx, key string) error {
	_, err := tx.ExecContext(ctx, s.removes, key)
	return err
}

func (s *sqlite) forget(ctx context.Context, age time.Duration) (int64, error) {
	r, err := s.db.ExecContext(ctx, s.forgets, fmt.Sprintf("-%f seconds", age.Seconds()))
	if err != nil {
		return 0, s.hint(err)
	}
	return r.RowsAffected()
}

func (s *sqlite) fits(ctx context.Context) error {
	_, _, err := s.look(ctx, "")
	return err
}

func (s *sqlite) create(ctx context.Context) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, s.schema)
		return err
	})
}

// SQLite's result codes that have a meaning here.
const (
	busyError     = 5
	lockedError   = 6
	ioError       = 10
	protocolError = 15
)

// resultCode is the primary code of an error of SQLite's, or 0.
func resultCode(err error) int {
	var coded interface {
		error
		Code() int
	}
	if errors.As(err, &coded) {
		return coded.Code() & 0xff
	}
	return 0
}

func (s *sqlite) again(err error) bool {
	switch resultCode(err) {
	case busyError, lockedError, protocolError:
		return true
	}
	return false
}

func (s *sqlite) hint(err error) error {
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return fmt.Errorf("%w\nhint: call Migrate first, or run what SQLiteSchema returns", err)
	}
	return err
}
