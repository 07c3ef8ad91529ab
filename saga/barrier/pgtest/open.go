package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shared is the server of all tests of this process.
var shared = sync.OnceValues(func() (*Server, error) {
	folder, err := os.MkdirTemp("", "unwind-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	s := &Server{folder: folder, passing: true}
	if err := s.start(context.Background()); err != nil {
		os.RemoveAll(folder)
		return nil, fmt.Errorf("start PostgreSQL on %s: %w", folder, err)
	}
	return s, nil
})

var databases atomic.Int64

// Open gives a test an empty database, and says where it is. The test fails if
// PostgreSQL is not installed.
func Open(t testing.TB) (dsn string) {
	t.Helper()
	server, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	admin := func(statement string) error {
		// Not the test's context: that is done when the database is dropped.
		ctx, cancel := context.WithTimeout(context.Background(), startPatience)
		defer cancel()
		conn, err := pgx.Connect(ctx, server.DSN())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }() // the statement is what counts
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := admin("CREATE DATABASE " + name); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return server.dsn(name)
}
