package pgtest_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// A program that brings its own PostgreSQL, for a demo.
func ExampleStart() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "demo-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	server, err := pgtest.Start(ctx, folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	conn, err := pgx.Connect(ctx, server.DSN())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	var n int
	fmt.Println(conn.QueryRow(ctx, `SELECT 6 * 7`).Scan(&n), n)
	// Output: <nil> 42
}
