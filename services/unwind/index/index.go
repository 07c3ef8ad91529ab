package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/unwind-saga/unwind/events"
)

// A Source is what an index is made from: a log, as package broker has it.
type Source interface {
	Types(ctx context.Context) ([]string, error)
	History(ctx context.Context, typ, id string, atLeast uint64) ([]events.Event, error)
	events.Scanner
}

// An Index is one open file. It is safe for concurrent use.
type Index struct {
	path    string
	lock    *flock.Flock // over catching up
	writing *sql.DB      // one connection
	reading *sql.DB
	memory  memory
}

// Open opens a file, and makes it if need be. Other processes may be opening the
// same file at this moment.
func Open(ctx context.Context, path string) (*Index, error) {
	fail := func(err error) (*Index, error) { return nil, fmt.Errorf("open the index %s: %w", path, err) }
	abs, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return fail(err)
	}
	x := &Index{path: path, lock: flock.New(abs + ".lock")}
	// The order counts: before busy_timeout is set, a pragma that finds the file
	// locked fails at once. synchronous=NORMAL: a power failure may take the last
	// transactions, rows and sequence together, and the stream has them still.
	dsn := (&url.URL{Scheme: "file", Path: abs}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=wal_autocheckpoint(8192)&_pragma=cache_size(-65536)&_pragma=temp_store(MEMORY)"
	if x.writing, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return fail(err)
	}
	if x.reading, err = sql.Open("sqlite", dsn); err != nil {
		return fail(errors.Join(err, x.writing.Close()))
	}
	x.writing.SetMaxOpenConns(1)
	x.reading.SetMaxOpenConns(4)
	if err := x.prepare(ctx); err != nil {
		x.Close()
		return fail(err)
	}
	return x, nil
}

// Close closes the file. What goes wrong then is of no account: what is committed
// is there.
func (x *Index) Close() {
	_ = x.reading.Close()
	_ = x.writing.Close()
}

// Path is where the file is.
func (x *Index) Path() string { return x.path }

// prepare makes the tables, or makes them anew where they are of another version.
func (x *Index) prepare(ctx context.Context) error {
	var have int
	if err := x.reading.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&have); err != nil {
		return explain(err)
	}
	if have == version {
		return nil
	}
	unlock, err := x.acquire(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return x.write(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRow(`PRAGMA user_version`).Scan(&have); err != nil || have == version {
			return err
		}
		for _, table := range tables {
			if _, err := tx.Exec(`DROP TABLE IF EXISTS ` + table); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(schema); err != nil {
			return err
		}
		_, err := tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, version))
		return err
	})
}

// explain tells what to do about a file that cannot be read.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if ok && (e.Code()&0xff == sqlite3.SQLITE_NOTADB || e.Code()&0xff == sqlite3.SQLITE_CORRUPT) {
		return fmt.Errorf("%w\nhint: it is made from the stream alone: remove the file, and it is made anew", err)
	}
	return err
}

// acquire waits for the lock over catching up.
func (x *Index) acquire(ctx context.Context) (unlock func(), err error) {
	l := flock.New(x.lock.Path()) // one for each holder, so that goroutines exclude each other too
	if _, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another process that makes the index: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// write runs do in one transaction that has the write lock from its start.
func (x *Index) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := x.writing.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
