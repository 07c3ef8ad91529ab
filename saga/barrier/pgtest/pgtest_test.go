package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func query[T any](t *testing.T, dsn, statement string) (value T, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return value, err
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(t.Context(), statement).Scan(&value)
	return value, err
}

func folder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "pgtest-") // root's t.TempDir can't be reached by the user postgres
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// Each test has a database of its own, which nobody else sees.
func TestOpen(t *testing.T) {
	a, b := pgtest.Open(t), pgtest.Open(t)
	conn, err := pgx.Connect(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE mine (n int)`); err != nil {
		t.Fatal(err)
	}
	if _, err := query[int](t, b, `SELECT count(*) FROM mine`); err == nil {
		t.Error("one test's table is in another's database")
	}
}

// A server keeps its folder, its place and its settings over a restart.
func TestStart(t *testing.T) {
	s, err := pgtest.Start(t.Context(), folder(t), "work_mem=5MB")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	dsn := s.DSN()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.DSN() != dsn {
		t.Errorf("it moved from %s to %s", dsn, s.DSN())
	}
	if mem, err := query[string](t, dsn, `SHOW work_mem`); err != nil || mem != "5MB" {
		t.Errorf("work_mem %q, %v", mem, err)
	}
	s.Stop()
	s.Stop() // twice is once
	if _, err := query[int](t, dsn, `SELECT 1`); err == nil {
		t.Error("it answers after it was stopped")
	}
}

func TestStartFails(t *testing.T) {
	if _, err := pgtest.Start(t.Context(), folder(t), "work_mem=much"); err == nil || !strings.Contains(err.Error(), "work_mem") {
		t.Errorf("got %v", err)
	}
	blocked := filepath.Join(folder(t), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pgtest.Start(t.Context(), filepath.Join(blocked, "pg")); err == nil || !strings.Contains(err.Error(), blocked) {
		t.Errorf("got %v", err)
	}
}

// A process that is to be killed.
func TestProcess(t *testing.T) {
	if os.Getenv("PGTEST_PROCESS") == "" {
		return // it is the others' child
	}
	fmt.Println(pgtest.Open(t))
	time.Sleep(time.Hour)
}

// The server goes when the process that started it goes, and takes its folder
// with it.
func TestEndsWithItsProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$")
	cmd.Env = append(os.Environ(), "PGTEST_PROCESS=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dsn, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dsn = strings.TrimSpace(dsn)
	data, err := query[string](t, dsn, `SHOW data_directory`)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := query[int](t, dsn, `SELECT 1`)
		_, there := os.Stat(filepath.Dir(data))
		if err != nil && errors.Is(there, os.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it is still there: %v, %v", err, there)
		}
	}
}
