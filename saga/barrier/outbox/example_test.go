package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/barrier/outbox"
)

// A shop stores an order, and its saga begins: on a log in memory here, in the
// world on broker.Connect's.
func Example() {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	folder, err := os.MkdirTemp("", "shop-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "shop.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	box := outbox.SQLite(db, outbox.Config{})
	if err := box.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := db.Exec(`CREATE TABLE orders (id TEXT PRIMARY KEY)`); err != nil {
		fmt.Println(err)
		return
	}

	order := func(id string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders VALUES (?)`, id); err != nil {
			return err
		}
		if err := box.Put(ctx, tx, "order", id, []byte(`{"item": "a book"}`)); err != nil {
			return err
		}
		return tx.Commit()
	}
	fmt.Println(order("order-1"))

	// Beside it, in this process or in another one: the relay.
	log := eventtest.NewLog()
	defer log.Close()
	if err := log.Ensure(ctx, "order"); err != nil {
		fmt.Println(err)
		return
	}
	stopped := make(chan error)
	go func() { stopped <- box.Relay(ctx, log, outbox.Relay{Name: "shop"}) }()

	err = log.Follow(ctx, "order", "order-1", 0, func(e events.Event) error {
		fmt.Printf("%s by %s: %s\n", e.Subject, e.Source, e.Data)
		cancel()
		return nil
	})
	fmt.Println(err, <-stopped)
	// Output:
	// <nil>
	// saga.order.task.submitted.order-1 by shop/1: {"item":"a book"}
	// <nil> <nil>
}

// The same for PostgreSQL: the transaction is pgx's, and the relay is woken by
// the commit.
func ExamplePostgres() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	box := outbox.Postgres(pool, outbox.Config{Table: "shop.outbox"})
	if err := box.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO shop.orders (id) VALUES ('order-1')`); err != nil {
			return err
		}
		return box.Put(ctx, tx, "order", "order-1", []byte(`{"item": "a book"}`))
	})
	fmt.Println(err)
}

// What nobody could deliver waits for a person.
func ExampleBox_Aside() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	box := outbox.Postgres(pool, outbox.Config{})
	rows, err := box.Aside(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Printf("%s/%s after %d tries: %s\n", row.Type, row.ID, row.Tries, row.Error)
		if err := box.Again(ctx, row.Type, row.ID); err != nil {
			fmt.Println(err)
		}
	}
}

// For those who run their migrations by another tool.
func ExamplePostgresSchema() {
	schema, err := outbox.PostgresSchema(outbox.Config{})
	fmt.Println(strings.Split(schema, "\n")[0], err)
	// Output: CREATE TABLE IF NOT EXISTS "unwind_outbox" ( <nil>
}

// A saga that continues the trace of the request that ordered it.
func ExampleWithTrace() {
	ctx := outbox.WithTrace(context.Background(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	_ = ctx // box.Put(ctx, tx, "order", "order-1", payload)
}
