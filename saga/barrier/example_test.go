package barrier_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

// temporary opens an SQLite file for an example, with a table of bookings.
func temporary() (db *sql.DB, done func()) {
	folder, err := os.MkdirTemp("", "barrier-")
	if err != nil {
		panic(err)
	}
	db, err = sql.Open("sqlite", "file:"+filepath.Join(folder, "agent.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err == nil {
		_, err = db.Exec(`CREATE TABLE booking (id INTEGER PRIMARY KEY, seat TEXT)`)
	}
	if err != nil {
		panic(err)
	}
	return db, func() { db.Close(); os.RemoveAll(folder) }
}

// A handler whose effects are rows in its own database.
func Example() {
	ctx := context.Background()
	db, done := temporary()
	defer done()
	gate := barrier.SQLite(db, barrier.Config{})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	handler := agent.Handler{
		Perform: gate.Perform(func(ctx context.Context, tx *sql.Tx, _ agent.Task) (agent.Result, error) {
			var id int
			err := tx.QueryRowContext(ctx, `INSERT INTO booking (seat) VALUES ('12A') RETURNING id`).Scan(&id)
			return agent.Result{Data: map[string]string{"seat": "12A"}, Undo: id}, err
		}),
		Compensations: agent.Compensations{
			"cancel": gate.Compensate(func(ctx context.Context, tx *sql.Tx, u agent.Undo) error {
				var id int
				if _, err := u.Decode(&id); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, `DELETE FROM booking WHERE id = ?`, id)
				return err
			}),
		},
	}

	task := agent.Task{Type: "trip", ID: "42", Step: "seat", Agent: "seat", Key: "trip/42/seat/seat"}
	for range 2 { // delivered twice, done once
		r, err := handler.Perform(ctx, task)
		fmt.Printf("%s %s %v\n", r.Data, r.Undo, err)
	}
	fmt.Println(handler.Compensations["cancel"](ctx, agent.Undo{Of: task.Key}))
	_, err := handler.Perform(ctx, task) // by a replica that is late
	fmt.Println(err)
	// Output:
	// {"seat":"12A"} 1 <nil>
	// {"seat":"12A"} 1 <nil>
	// <nil>
	// do trip/42/seat/seat: this key was compensated
}

func ExampleGate_Do() {
	ctx := context.Background()
	db, done := temporary()
	defer done()
	gate := barrier.SQLite(db, barrier.Config{Table: "seat_barrier"})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	book := func(tx *sql.Tx) (agent.Result, error) {
		fmt.Println("book")
		_, err := tx.ExecContext(ctx, `INSERT INTO booking (seat) VALUES ('12A')`)
		return agent.Result{Data: "12A"}, err
	}
	for range 2 {
		r, err := gate.Do(ctx, "a key", book)
		fmt.Printf("%s %v\n", r.Data, err)
	}
	// Output:
	// book
	// "12A" <nil>
	// "12A" <nil>
}

// A compensation that comes before its forward: nothing to undo, and nothing
// ever will be.
func ExampleGate_Undo() {
	ctx := context.Background()
	db, done := temporary()
	defer done()
	gate := barrier.SQLite(db, barrier.Config{})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(gate.Undo(ctx, "a key", func(*sql.Tx, json.RawMessage) error { return nil }))
	_, err := gate.Do(ctx, "a key", func(*sql.Tx) (agent.Result, error) { return agent.Result{}, nil })
	fmt.Println(err)
	// Output:
	// nothing to undo
	// do a key: this key was compensated
}

// The barrier inside a transaction that the author has begun.
func ExampleGate_In() {
	ctx := context.Background()
	db, done := temporary()
	defer done()
	gate := barrier.SQLite(db, barrier.Config{})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tx.Rollback()
	r, err := gate.In(tx).Do(ctx, "a key", func(tx *sql.Tx) (agent.Result, error) {
		_, err := tx.ExecContext(ctx, `INSERT INTO booking (seat) VALUES ('12A')`)
		return agent.Result{Data: "12A"}, err
	})
	fmt.Printf("%s %v\n", r.Data, err)
	fmt.Println(tx.Commit()) // from here on it holds
	// Output:
	// "12A" <nil>
	// <nil>
}

// A charge is in no transaction of ours. The provider is given the key, and so
// does the work of one key once.
func ExampleGate_PerformOutside() {
	ctx := context.Background()
	db, done := temporary()
	defer done()
	gate := barrier.SQLite(db, barrier.Config{})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	charge := barrier.Outside{
		Perform: func(_ context.Context, t agent.Task) (agent.Result, error) {
			fmt.Println("charge under", t.Key)
			return agent.Result{Undo: "ch_1"}, nil
		},
		Undo: func(_ context.Context, u agent.Undo) error {
			var id string
			if known, err := u.Decode(&id); !known {
				fmt.Println("refund by key", u.Of)
				return err
			}
			fmt.Println("refund", id)
			return nil
		},
	}
	perform, refund := gate.PerformOutside(charge), gate.CompensateOutside(charge)
	task := agent.Task{Key: "order/1/payment/card"}
	for range 2 {
		if _, err := perform(ctx, task); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(refund(ctx, agent.Undo{Of: task.Key}))
	// Output:
	// charge under order/1/payment/card
	// refund ch_1
	// <nil>
}

// The same for PostgreSQL: the transaction is pgx's.
func ExamplePostgres() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	gate := barrier.Postgres(pool, barrier.Config{Table: "billing.barrier", Isolation: pgx.Serializable})
	if err := gate.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	_, err = gate.Do(ctx, "a key", func(tx pgx.Tx) (agent.Result, error) {
		_, err := tx.Exec(ctx, `INSERT INTO booking (seat) VALUES ('12A')`)
		return agent.Result{}, err
	})
	fmt.Println(err)
}

// For those who run their migrations by another tool.
func ExamplePostgresSchema() {
	schema, err := barrier.PostgresSchema(barrier.Config{Table: "billing.barrier"})
	fmt.Println(strings.Split(schema, "\n")[0], err)
	// Output: CREATE TABLE IF NOT EXISTS "billing"."barrier" ( <nil>
}
