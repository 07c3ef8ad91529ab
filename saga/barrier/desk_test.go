package barrier_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// A desk is one database with a gate and the author's own table, in which each
// row is an effect: counting rows shows what really happened.
type desk[Tx any] struct {
	*barrier.Gate[Tx]
	// book makes a row and returns its number.
	book func(ctx context.Context, tx Tx, key string) (int, error)
	// cancel removes the key's rows.
	cancel func(ctx context.Context, tx Tx, key string) error
	// inside runs do in a transaction of the author's.
	inside func(ctx context.Context, do func(tx Tx) error) error
	// booked counts the rows of a key.
	booked func(t testing.TB, key string) int
	// ran counts what was ever committed for each key: booked, cancelled.
	ran func(t testing.TB) map[string][2]int
}

var errFailed = errors.New("failed")

func postgres(t testing.TB, c barrier.Config) desk[pgx.Tx] {
	t.Helper()
	return postgresAt(t, pgtest.Open(t), c)
}

func postgresAt(t testing.TB, dsn string, c barrier.Config) desk[pgx.Tx] {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d := desk[pgx.Tx]{
		Gate: barrier.Postgres(pool, c),
		book: func(ctx context.Context, tx pgx.Tx, key string) (id int, err error) {
			if _, err := tx.Exec(ctx, `INSERT INTO ran VALUES ($1, 0)`, key); err != nil {
				return 0, err
			}
			err = tx.QueryRow(ctx, `INSERT INTO booking (key) VALUES ($1) RETURNING id`, key).Scan(&id)
			return id, err
		},
		cancel: func(ctx context.Context, tx pgx.Tx, key string) error {
			if _, err := tx.Exec(ctx, `INSERT INTO ran VALUES ($1, 1)`, key); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `DELETE FROM booking WHERE key = $1`, key)
			return err
		},
		inside: func(ctx context.Context, do func(tx pgx.Tx) error) error {
			return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: c.Isolation}, do)
		},
		booked: func(t testing.TB, key string) (n int) {
			t.Helper()
			if err := pool.QueryRow(context.Background(), `SELECT count(*) FROM booking WHERE key = $1`, key).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
		ran: func(t testing.TB) map[string][2]int {
			t.Helper()
			all := map[string][2]int{}
			rows, err := pool.Query(context.Background(), `SELECT key, what FROM ran`)
			if err != nil {
				t.Fatal(err)
			}
			var key string
			var what int
			if _, err = pgx.ForEachRow(rows, []any{&key, &what}, func() error { count(all, key, what); return nil }); err != nil {
				t.Fatal(err)
			}
			return all
		},
	}
	if _, err := pool.Exec(t.Context(), `
		SELECT pg_advisory_xact_lock(1);
		CREATE TABLE IF NOT EXISTS booking (id int GENERATED ALWAYS AS IDENTITY, key text NOT NULL);
		CREATE TABLE IF NOT EXISTS ran (key text NOT NULL, what int NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func sqlite(t testing.TB, c barrier.Config) desk[*sql.Tx] {
	t.Helper()
	return sqliteAt(t, filepath.Join(t.TempDir(), "agent.db"), c)
}

// sqliteAt opens a file as plainly as possible: transactions begin without the
// write lock.
func sqliteAt(t testing.TB, file string, c barrier.Config) desk[*sql.Tx] {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	d := desk[*sql.Tx]{
		Gate: barrier.SQLite(db, c),
		book: func(ctx context.Context, tx *sql.Tx, key string) (id int, err error) {
			if _, err := tx.ExecContext(ctx, `INSERT INTO ran VALUES (?, 0)`, key); err != nil {
				return 0, err
			}
			err = tx.QueryRowContext(ctx, `INSERT INTO booking (key) VALUES (?) RETURNING id`, key).Scan(&id)
			return id, err
		},
		cancel: func(ctx context.Context, tx *sql.Tx, key string) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO ran VALUES (?, 1)`, key); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM booking WHERE key = ?`, key)
			return err
		},
		inside: func(ctx context.Context, do func(tx *sql.Tx) error) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			if err := do(tx); err != nil {
				return err
			}
			return tx.Commit()
		},
		booked: func(t testing.TB, key string) (n int) {
			t.Helper()
			if err := db.QueryRow(`SELECT count(*) FROM booking WHERE key = ?`, key).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
		ran: func(t testing.TB) map[string][2]int {
			t.Helper()
			all := map[string][2]int{}
			rows, err := db.Query(`SELECT key, what FROM ran`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var key string
				var what int
				if err := rows.Scan(&key, &what); err != nil {
					t.Fatal(err)
				}
				count(all, key, what)
			}
			return all
		},
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`
		CREATE TABLE IF NOT EXISTS booking (id INTEGER PRIMARY KEY, key TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS ran (key TEXT NOT NULL, what INTEGER NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	return d
}

func count(all map[string][2]int, key string, what int) {
	n := all[key]
	n[what]++
	all[key] = n
}

func (d desk[Tx]) effect(ctx context.Context, key string) func(Tx) (agent.Result, error) {
	return func(tx Tx) (agent.Result, error) {
		id, err := d.book(ctx, tx, key)
		return agent.Result{Data: id, Undo: fmt.Sprintf("token of %d", id)}, err
	}
}

func (d desk[Tx]) undoing(ctx context.Context, key string) func(Tx, json.RawMessage) error {
	return func(tx Tx, _ json.RawMessage) error { return d.cancel(ctx, tx, key) }
}

// call is one word of a story: what is called, and what came of it.
func (d desk[Tx]) call(t *testing.T, word, key string) (answer string) {
	t.Helper()
	ctx := t.Context()
	defer func() {
		if recover() != nil {
			answer = "panicked"
		}
	}()
	result := func(r agent.Result, err error) string {
		if err != nil {
			return name(t, err)
		}
		return fmt.Sprintf("%s/%s", part(r.Data), part(r.Undo))
	}
	state := func(n barrier.Note, err error) string {
		if err != nil {
			return name(t, err)
		}
		return string(n.State)
	}
	switch word {
	case "do":
		return result(d.Do(ctx, key, d.effect(ctx, key)))
	case "fail", "panic":
		return result(d.Do(ctx, key, func(tx Tx) (agent.Result, error) {
			if _, err := d.book(ctx, tx, key); err != nil {
				return agent.Result{}, err
			}
			if word == "panic" {
				panic("effect")
			}
			return agent.Result{}, errFailed
		}))
	case "bare":
		return result(d.Do(ctx, key, func(tx Tx) (agent.Result, error) {
			_, err := d.book(ctx, tx, key)
			return agent.Result{}, err
		}))
	case "nested":
		return result(d.Do(ctx, key, func(tx Tx) (agent.Result, error) { return d.In(tx).Do(ctx, key, d.effect(ctx, key)) }))
	case "undo", "undofail", "undonothing":
		return name(t, d.Undo(ctx, key, func(tx Tx, token json.RawMessage) error {
			switch word {
			case "undofail":
				return errors.Join(d.cancel(ctx, tx, key), errFailed)
			case "undonothing":
				return agent.ErrNothingFound
			}
			if want := d.booked(t, key); want == 1 && token != nil && string(token[:10]) != `"token of ` {
				t.Errorf("token %s", token)
			}
			return d.cancel(ctx, tx, key)
		}))
	case "begin":
		return state(d.Begin(ctx, key))
	case "done", "done2":
		r := agent.Result{Data: "r"}
		if word == "done2" {
			r.Data = "another"
		}
		return result(d.Done(ctx, key, r))
	case "failed":
		return name(t, d.Failed(ctx, key))
	case "beginundo":
		return state(d.BeginUndo(ctx, key))
	case "undone":
		return name(t, d.Undone(ctx, key, true))
	case "look":
		return state(d.Look(ctx, key))
	}
	t.Fatalf("no call %q", word)
	return ""
}

func part(v any) any {
	if v == nil {
		return "-"
	}
	return v
}

func name(t *testing.T, err error) string {
	t.Helper()
	for sentinel, word := range map[error]string{
		agent.ErrDead: "dead", agent.ErrNothingFound: "nothing", barrier.ErrBegun: "begun!",
		barrier.ErrNotBegun: "notbegun!", errFailed: "failed", nil: "ok",
	} {
		if errors.Is(err, sentinel) {
			return word
		}
	}
	t.Fatal(err)
	return ""
}
