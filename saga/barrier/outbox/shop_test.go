package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/barrier/outbox"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// A shop keeps orders in its database, and puts a task for each into its outbox.
type shop[Tx any] struct {
	*outbox.Box[Tx]
	// inside runs do in a transaction.
	inside func(ctx context.Context, do func(tx Tx) error) error
	// exec runs a statement with two parameters, as a stranger would.
	exec func(t testing.TB, statement string, a, b any)
	// rows counts the rows in a state.
	rows func(t testing.TB, state string) int
	pool *pgxpool.Pool // of PostgreSQL
}

func postgres(t testing.TB, dsn string, c outbox.Config) shop[pgx.Tx] {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := shop[pgx.Tx]{
		pool: pool,
		Box:  outbox.Postgres(pool, c),
		inside: func(ctx context.Context, do func(tx pgx.Tx) error) error {
			return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, do)
		},
		exec: func(t testing.TB, statement string, a, b any) {
			t.Helper()
			if _, err := pool.Exec(context.Background(), statement, a, b); err != nil {
				t.Fatal(err)
			}
		},
		rows: func(t testing.TB, state string) (n int) {
			t.Helper()
			if err := pool.QueryRow(context.Background(), `SELECT count(*) FROM unwind_outbox WHERE state = $1`, state).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func sqlite(t testing.TB, file string, c outbox.Config) shop[*sql.Tx] {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := shop[*sql.Tx]{
		Box: outbox.SQLite(db, c),
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
		exec: func(t testing.TB, statement string, a, b any) {
			t.Helper()
			if _, err := db.Exec(statement, a, b); err != nil {
				t.Fatal(err)
			}
		},
		rows: func(t testing.TB, state string) (n int) {
			t.Helper()
			if err := db.QueryRow(`SELECT count(*) FROM unwind_outbox WHERE state = ?`, state).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// both runs a test in a shop on each database.
func both(t *testing.T, pg func(*testing.T, shop[pgx.Tx]), lite func(*testing.T, shop[*sql.Tx])) {
	t.Run("postgres", func(t *testing.T) { pg(t, postgres(t, pgtest.Open(t), outbox.Config{})) })
	t.Run("sqlite", func(t *testing.T) { lite(t, sqlite(t, filepath.Join(t.TempDir(), "shop.db"), outbox.Config{})) })
}

func (s shop[Tx]) put(t testing.TB, typ, id, payload string) error {
	t.Helper()
	return s.inside(t.Context(), func(tx Tx) error { return s.Put(t.Context(), tx, typ, id, []byte(payload)) })
}

// relay runs a relay until the test ends or it is stopped.
func (s shop[Tx]) relay(t testing.TB, log events.Log, r outbox.Relay) (stop func()) {
	t.Helper()
	if r.Logger == nil {
		r.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Relay(ctx, log, r); err != nil {
			t.Errorf("the relay ended: %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// patience is until what must happen is given up.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v it is not so: %s", patience, what)
		}
	}
}

// tasks are the tasks in the log, by id, and how many there are of each.
func tasks(t testing.TB, log events.Log, typ string, ids ...string) map[string]events.Event {
	t.Helper()
	found := map[string]events.Event{}
	for _, id := range ids {
		history, err := log.History(context.WithoutCancel(t.Context()), typ, id, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range history {
			if e.Subject == events.TaskSubject(typ, id) {
				if _, twice := found[id]; twice {
					t.Errorf("the task of %s is there twice", id)
				}
				found[id] = e
			}
		}
	}
	return found
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("order-%d", i)
	}
	return all
}
