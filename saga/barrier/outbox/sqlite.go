package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// SQLite is the outbox in an SQLite database. A relay reads rows without a
// lock, and takes the file's write lock only to note what it has delivered;
// several relays do each other's work again, which the log puts right.
func SQLite(db *sql.DB, c Config) *Box[*sql.Tx] {
	name, index, err := tableName(cmp.Or(c.Table, defaultTable))
	return newBox(newSQLite(db, name, index), c, err)
}

// SQLiteSchema is what [Box.Migrate] runs, for those who run their migrations by
// another tool. It may be run again.
func SQLiteSchema(c Config) (string, error) {
	name, index, err := tableName(cmp.Or(c.Table, defaultTable))
	if err != nil {
		return "", fmt.Errorf("schema of the outbox: %w", err)
	}
	return sqliteSchema(name, index), nil
}

func sqliteSchema(name, index string) string {
	const now = `DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))`
	return `CREATE TABLE IF NOT EXISTS ` + name + ` (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	type        TEXT NOT NULL,
	id          TEXT NOT NULL,
	payload     TEXT NOT NULL,
	traceparent TEXT NOT NULL DEFAULT '',
	tracestate  TEXT NOT NULL DEFAULT '',
	state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'aside')),
	tries       INTEGER NOT NULL DEFAULT 0,
	error       TEXT NOT NULL DEFAULT '',
	at          TEXT NOT NULL ` + now + `,
	due         TEXT NOT NULL ` + now + `,
	ended       TEXT,
	UNIQUE (type, id)
) STRICT;
CREATE INDEX IF NOT EXISTS ` + index + ` ON ` + name + ` (seq) WHERE state = 'waiting';
`
}

// sqlite keeps rows in SQLite.
type sqlite struct {
	db     *sql.DB
	schema string

	puts, reads, takes, deletes, marks, postpones, puttings string
	backlogs, asides, retries, forgets                      string
}

func newSQLite(db *sql.DB, name, index string) *sqlite {
	const now = `strftime('%Y-%m-%dT%H:%M:%fZ')`
	const later = `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)`
	const columns = `seq, type, id, payload, traceparent, tracestate, tries, error, at`
	return &sqlite{
		db: db, schema: sqliteSchema(name, index),
		puts: `INSERT INTO ` + name + ` (type, id, payload, traceparent, tracestate) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (type, id) DO NOTHING`,
		reads: `SELECT payload FROM ` + name + ` WHERE type = ? AND id = ?`,
		takes: `SELECT ` + columns + ` FROM ` + name + ` WHERE state = 'waiting' AND due <= ` + now + `
			AND type NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?`,
		// Another relay may have been here first: what it has put aside, or
		// marked, stays so.
		deletes:   `DELETE FROM ` + name + ` WHERE seq = ? AND state = 'waiting'`,
		marks:     `UPDATE ` + name + ` SET state = 'delivered', error = '', ended = ` + now + ` WHERE seq = ? AND state = 'waiting'`,
		postpones: `UPDATE ` + name + ` SET tries = tries + 1, error = ?, due = ` + later + ` WHERE seq = ? AND state = 'waiting'`,
		puttings:  `UPDATE ` + name + ` SET state = 'aside', tries = tries + 1, error = ?, ended = ` + now + ` WHERE seq = ? AND state = 'waiting'`,
		backlogs:  `SELECT count(*), coalesce(min(at), ` + now + `) FROM ` + name + ` WHERE state = 'waiting'`,
		asides:    `SELECT ` + columns + ` FROM ` + name + ` WHERE state = 'aside' ORDER BY seq`,
		retries:   `UPDATE ` + name + ` SET state = 'waiting', tries = 0, due = ` + now + `, ended = NULL WHERE type = ? AND id = ? AND state = 'aside'`,
		forgets:   `DELETE FROM ` + name + ` WHERE state = 'delivered' AND ended < ` + later,
	}
}

func (s *sqlite) put(ctx context.Context, tx *sql.Tx, r Row) (other []byte, err error) {
	done, err := tx.ExecContext(ctx, s.puts, r.Type, r.ID, string(r.Payload), r.TraceParent, r.TraceState)
	if err != nil {
		return nil, s.explain(err)
	}
	if n, err := done.RowsAffected(); n == 1 || err != nil {
		return nil, err
	}
	var payload string
	err = tx.QueryRowContext(ctx, s.reads, r.Type, r.ID).Scan(&payload)
	return []byte(payload), err
}

func (s *sqlite) take(ctx context.Context, limit int, but []string, keep bool, try func(Row) end) (int, error) {
	types, err := json.Marshal(but)
	if err != nil {
		return 0, err
	}
	rows, err := s.read(s.db.QueryContext(ctx, s.takes, string(types), limit))
	if err != nil {
		return 0, s.explain(err)
	}
	type note struct {
		statement string
		args      []any
	}
	var notes []note
	for _, row := range rows {
		switch e := try(row); {
		case e.kind == delivered && keep:
			notes = append(notes, note{s.marks, []any{row.Seq}})
		case e.kind == delivered:
			notes = append(notes, note{s.deletes, []any{row.Seq}})
		case e.kind == later:
			notes = append(notes, note{s.postpones, []any{e.error, seconds(e.after), row.Seq}})
		case e.kind == aside:
			notes = append(notes, note{s.puttings, []any{e.error, row.Seq}})
		}
	}
	if len(notes) == 0 {
		return len(rows), nil
	}
	// What was delivered is noted even if the relay was told to stop meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	err = s.write(ctx, func(tx *sql.Tx) error {
		for _, n := range notes {
			if _, err := tx.ExecContext(ctx, n.statement, n.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("note what was delivered: %w", err)
	}
	return len(rows), nil
}

// seconds is a duration as SQLite's functions of time want it.
func seconds(d time.Duration) string { return fmt.Sprintf("%+.3f seconds", d.Seconds()) }

// write runs do in a transaction, and waits for the file's lock as long as ctx
// allows.
func (s *sqlite) write(ctx context.Context, do func(tx *sql.Tx) error) error {
	for {
		err := s.once(ctx, do)
		if !busy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(1+rand.IntN(20)) * time.Millisecond):
		}
	}
}

func (s *sqlite) once(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// busy reports whether another has the lock.
func busy(err error) bool {
	var coded interface {
		error
		Code() int
	}
	if !errors.As(err, &coded) {
		return false
	}
	switch coded.Code() & 0xff {
	case 5, 6, 15: // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL
		return true
	}
	return false
}

func (s *sqlite) read(found *sql.Rows, err error) (rows []Row, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }() // Err below has what it would say
	for found.Next() {
		var r Row
		var payload, at string
		if err := found.Scan(&r.Seq, &r.Type, &r.ID, &payload, &r.TraceParent, &r.TraceState, &r.Tries, &r.Error, &at); err != nil {
			return nil, err
		}
		r.Payload = []byte(payload)
		if r.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, fmt.Errorf("read when %s/%s was put: %w", r.Type, r.ID, err)
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// listen: SQLite has no bell.
func (s *sqlite) listen(context.Context, func()) error { return nil }

func (s *sqlite) poll() time.Duration { return 200 * time.Millisecond }

func (s *sqlite) backlog(ctx context.Context) (n int, oldest time.Time, err error) {
	var at string
	if err = s.db.QueryRowContext(ctx, s.backlogs).Scan(&n, &at); err != nil {
		return 0, time.Time{}, s.explain(err)
	}
	oldest, err = time.Parse(time.RFC3339Nano, at)
	return n, oldest, err
}

func (s *sqlite) aside(ctx context.Context) ([]Row, error) {
	rows, err := s.read(s.db.QueryContext(ctx, s.asides))
	return rows, s.explain(err)
}

func (s *sqlite) again(ctx context.Context, typ, id string) (found bool, err error) {
	n, err := s.exec(ctx, s.retries, typ, id)
	return n == 1, err
}

func (s *sqlite) forget(ctx context.Context, age time.Duration) (int64, error) {
	return s.exec(ctx, s.forgets, seconds(-age))
}

func (s *sqlite) exec(ctx context.Context, statement string, args ...any) (n int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	return n, s.explain(err)
}

func (s *sqlite) fits(ctx context.Context) error {
	_, err := s.aside(ctx)
	return err
}

func (s *sqlite) create(ctx context.Context) error {
	_, err := s.exec(ctx, s.schema)
	return err
}

func (s *sqlite) explain(err error) error {
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return fmt.Errorf("%w (%w)", errNoTable, err)
	}
	return err
}
