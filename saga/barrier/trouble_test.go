package barrier_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// A line to the database that can be cut at a statement: before it gets there,
// or after it, so that only its answer is lost.
type line struct {
	net.Conn
	cut *cut
}

type cut struct {
	at     atomic.Pointer[string]
	before bool
}

var errCut = fmt.Errorf("the line is cut: %w", io.ErrUnexpectedEOF)

func (l line) Write(b []byte) (int, error) {
	if at := l.cut.at.Load(); at != nil && bytes.Contains(b, []byte(*at)) {
		l.cut.at.Store(nil)
		if !l.cut.before {
			if _, err := l.Conn.Write(b); err != nil {
				return 0, err
			}
			// The server has done what it was told when it answers.
			if _, err := l.Read(make([]byte, 1)); err != nil {
				return 0, err
			}
		}
		l.Close()
		return 0, errCut
	}
	return l.Conn.Write(b)
}

// B5: whether it was committed is known, or said to be unknown.
func TestLineIsCut(t *testing.T) {
	dsn := pgtest.Open(t)
	d := postgresAt(t, dsn, barrier.Config{})
	for i, tc := range []struct {
		name, at string
		before   bool
		class    events.Class
		state    barrier.State
	}{
		{"the commit's answer is lost", "commit", false, events.Unknown, barrier.Done},
		{"the commit is lost", "commit", true, events.Unknown, ""},
		{"the claim's answer is lost", "INSERT INTO \"unwind_barrier\"", false, events.Transient, ""},
		{"the note is lost", "UPDATE \"unwind_barrier\"", true, events.Transient, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cut, key := &cut{before: tc.before}, fmt.Sprint("k", i)
			cfg, err := pgxpool.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			// Nothing is prepared ahead, so that a statement is seen when it is run.
			cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
			cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return line{c, cut}, err
			}
			pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			g := barrier.Postgres(pool, barrier.Config{})
			if _, err := g.Look(t.Context(), key); err != nil { // connects
				t.Fatal(err)
			}
			cut.at.Store(&tc.at)
			_, err = g.Do(t.Context(), key, d.effect(t.Context(), key))
			if err == nil || agent.Class(err) != tc.class {
				t.Errorf("class %q, want %q, of %v", agent.Class(err), tc.class, err)
			}
			// The server may need a moment to see that the line is cut.
			if n, err := d.Look(t.Context(), key); err != nil || n.State != tc.state {
				t.Errorf("%q, %v, want %q", n.State, err, tc.state)
			}
			if _, err := g.Do(t.Context(), key, d.effect(t.Context(), key)); err != nil {
				t.Error(err)
			}
			if n := d.booked(t, key); n != 1 {
				t.Errorf("%d rows, want 1", n)
			}
		})
	}
}

// Many instances that start at once make one table.
func TestMigrate(t *testing.T) {
	dsn, file := pgtest.Open(t), filepath.Join(t.TempDir(), "agent.db")
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	db, err := sql.Open("sqlite", "file:"+file) // no busy_timeout: it meets every lock
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := barrier.Postgres(pool, barrier.Config{}).Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := barrier.SQLite(db, barrier.Config{}).Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	// An agent's user who may not make tables.
	for _, statement := range []string{
		`CREATE ROLE plain_agent LOGIN`, `GRANT SELECT, INSERT, UPDATE, DELETE ON unwind_barrier TO plain_agent`,
		`REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := pgx.Connect(t.Context(), strings.Replace(dsn, "postgres@", "plain_agent@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close(context.Background())
	g := barrier.Postgres(plain, barrier.Config{})
	if err := g.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := g.Do(t.Context(), "k", func(pgx.Tx) (agent.Result, error) { return agent.Result{}, nil }); err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), pgtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx := t.Context()
	nothing := func(pgx.Tx) (agent.Result, error) { return agent.Result{}, nil }
	do := func(g *barrier.Gate[pgx.Tx], effect func(pgx.Tx) (agent.Result, error)) error {
		_, err := g.Do(ctx, "k", effect)
		return err
	}
	if _, err := pool.Exec(ctx, `CREATE SCHEMA billing; CREATE TABLE taken (key text)`); err != nil {
		t.Fatal(err)
	}
	g := barrier.Postgres(pool, barrier.Config{Table: "billing.barrier"})
	for says, err := range map[string]error{
		"hint: call Migrate first":     do(g, nothing),
		`table "a table": ' ' is not`:  do(barrier.Postgres(pool, barrier.Config{Table: "a table"}), nothing),
		`want a name, or schema.name`:  barrier.Postgres(pool, barrier.Config{Table: "a.b.c"}).Migrate(ctx),
		`1 to 48 characters`:           barrier.Postgres(pool, barrier.Config{Table: "billing."}).Migrate(ctx),
		"is the name taken by a table": barrier.Postgres(pool, barrier.Config{Table: "taken"}).Migrate(ctx),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	if err := g.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	err = do(g, func(tx pgx.Tx) (agent.Result, error) {
		_, _ = tx.Exec(ctx, `SELECT 1/0`)
		return agent.Result{}, nil // and goes on
	})
	if err == nil || !strings.Contains(err.Error(), "must return the errors of its statements") {
		t.Errorf("got %v", err)
	}
	// An effect that always loses is given up.
	runs := 0
	err = do(barrier.Postgres(pool, barrier.Config{Table: "billing.barrier", Tries: 3}), func(tx pgx.Tx) (agent.Result, error) {
		runs++
		_, err := tx.Exec(ctx, `DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$`)
		return agent.Result{}, err
	})
	if err == nil || runs != 3 {
		t.Errorf("%d runs, %v", runs, err)
	}
	if n, err := g.Look(ctx, "k"); err != nil || n.State != "" {
		t.Errorf("noted: %+v, %v", n, err)
	}
}

func TestForget(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { forget(t, postgres(t, barrier.Config{})) })
	t.Run("sqlite", func(t *testing.T) { forget(t, sqlite(t, barrier.Config{})) })
}

func forget[Tx any](t *testing.T, d desk[Tx]) {
	for key, calls := range map[string]string{"done": "do", "dead": "undo", "begun": "begin", "undoing": "begin beginundo"} {
		for call := range strings.FieldsSeq(calls) {
			d.call(t, call, key)
		}
	}
	if n, err := d.Forget(t.Context(), time.Hour); err != nil || n != 0 {
		t.Errorf("forgot %d, %v", n, err)
	}
	time.Sleep(5 * time.Millisecond) // by the database's own clock
	if n, err := d.Forget(t.Context(), time.Millisecond); err != nil || n != 2 {
		t.Errorf("forgot %d, %v", n, err)
	}
	for key, want := range map[string]barrier.State{"done": "", "dead": "", "begun": barrier.Begun, "undoing": barrier.Undoing} {
		if n, err := d.Look(t.Context(), key); err != nil || n.State != want {
			t.Errorf("%s: %q, %v", key, n.State, err)
		}
	}
}

// Who waits for a key can give up: what it wanted did not happen.
func TestWaitingEndsWithContext(t *testing.T) {
	t.Run("postgres", func(t *testing.T) { givesUp(t, postgres(t, barrier.Config{})) })
	t.Run("sqlite", func(t *testing.T) { givesUp(t, sqlite(t, barrier.Config{})) })
}

func givesUp[Tx any](t *testing.T, d desk[Tx]) {
	_, err := d.Do(t.Context(), "k", func(Tx) (agent.Result, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := d.Do(ctx, "k", d.effect(ctx, "k")) // another transaction
		if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(fmt.Sprint(err), "interrupted") {
			t.Errorf("waiting ended with %v", err)
		}
		if agent.Class(err) != events.Transient {
			t.Errorf("class %q of %v", agent.Class(err), err)
		}
		return agent.Result{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := d.booked(t, "k"); n != 0 {
		t.Errorf("%d rows", n)
	}
}
