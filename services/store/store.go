package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/unwind-saga/unwind/saga/barrier"
)

// Store is one open file. It is safe for concurrent use. Its gate works on the
// one connection that writes: inside an effect use the effect's transaction, or
// wait for ever.
type Store struct {
	*barrier.Gate[*sql.Tx]
	path    string
	writing *sql.DB // one connection: writers of this process queue up in order, instead of polling for the file's lock
	reading *sql.DB
}

// runs is the log of what was committed: a row for each change of a key's state.
// A key that is written as begun without a try is being done in this very
// transaction.
const runs = `
CREATE TABLE IF NOT EXISTS unwind_run (
	seq  INTEGER PRIMARY KEY,
	key  TEXT NOT NULL,
	what TEXT NOT NULL,
	at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;
CREATE INDEX IF NOT EXISTS unwind_run_key ON unwind_run (key);
CREATE TRIGGER IF NOT EXISTS unwind_run_first AFTER INSERT ON unwind_barrier
	WHEN NEW.state = 'dead' OR NEW.tries > 0 BEGIN
		INSERT INTO unwind_run (key, what) VALUES (NEW.key, CASE NEW.state WHEN 'dead' THEN 'bury' ELSE 'begin' END);
	END;
CREATE TRIGGER IF NOT EXISTS unwind_run_next AFTER UPDATE OF state ON unwind_barrier
	WHEN NEW.state <> OLD.state OR NEW.tries > OLD.tries BEGIN
		INSERT INTO unwind_run (key, what) VALUES (NEW.key,
			CASE NEW.state WHEN 'done' THEN 'do' WHEN 'dead' THEN 'undo' WHEN 'undoing' THEN 'begin undo' ELSE 'begin' END);
	END;
`

// Open opens the file and makes it if need be. The schemas are the caller's own
// tables, as statements that may run again (CREATE TABLE IF NOT EXISTS). Other
// processes may be opening the same file at this moment.
func Open(path string, schemas ...string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{path: path}
	// The order counts: before busy_timeout is set, a pragma that finds the file
	// locked fails at once. synchronous=FULL: in WAL mode a weaker one loses the
	// last commits in a power failure, and a lost note is an effect done twice.
	dsn := (&url.URL{Scheme: "file", Path: abs}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	if s.writing, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if s.reading, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.writing.Close())
	}
	s.writing.SetMaxOpenConns(1)
	s.reading.SetMaxOpenConns(4)
	s.Gate = barrier.SQLite(s.writing, barrier.Config{})
	barriers, err := barrier.SQLiteSchema(barrier.Config{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = s.write(ctx, func(tx *sql.Tx) error {
		for _, statements := range append([]string{barriers, runs}, schemas...) {
			if _, err := tx.Exec(statements); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close closes the file. Calls under way finish first.
func (s *Store) Close() error {
	return errors.Join(s.reading.Close(), s.writing.Close())
}

// DB is the file for reading, for the caller's own tables. Inside an effect use
// the effect's transaction, which alone sees what it has written.
func (s *Store) DB() *sql.DB { return s.reading }

// write runs do in one transaction that holds the write lock from the start: a
// transaction that reads first and locks later would act on what another process
// is just changing.
func (s *Store) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing; after a panic it frees the lock
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Write changes the caller's own tables beside any key: what is noted there is
// no effect, and nobody undoes it.
func (s *Store) Write(ctx context.Context, do func(tx *sql.Tx) error) error {
	if err := s.write(ctx, do); err != nil {
		return fmt.Errorf("write beside the keys: %w", err)
	}
	return nil
}

// begin waits for the lock as long as ctx allows. SQLite's own wait is neither
// fair nor used everywhere: switching to WAL and recovering after a crash answer
// busy at once.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	for {
		tx, err := s.writing.BeginTx(ctx, nil)
		if !busy(err) {
			return tx, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(1+rand.IntN(20)) * time.Millisecond):
		}
	}
}

func busy(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}
