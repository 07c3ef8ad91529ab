package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

// The caller's own table: each row is an effect, so that counting rows shows
// what really happened.
const bookings = `CREATE TABLE IF NOT EXISTS booking (id INTEGER PRIMARY KEY, key TEXT NOT NULL)`

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, bookings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func book(key string) func(*sql.Tx) (agent.Result, error) {
	return func(tx *sql.Tx) (agent.Result, error) {
		r, err := tx.Exec(`INSERT INTO booking (key) VALUES (?)`, key)
		if err != nil {
			return agent.Result{}, err
		}
		id, err := r.LastInsertId()
		return agent.Result{Data: fmt.Sprintf("booking-%d", id)}, err
	}
}

// said is a result as it is printed.
func said(r agent.Result) string { return strings.Trim(fmt.Sprintf("%s", r.Data), `"`) }

func cancel(key string) func(*sql.Tx, json.RawMessage) error {
	return func(tx *sql.Tx, _ json.RawMessage) error {
		_, err := tx.Exec(`DELETE FROM booking WHERE key = ?`, key)
		return err
	}
}

func booked(t *testing.T, s *Store) int {
	t.Helper()
	var n int
	if err := s.DB().QueryRow(`SELECT count(*) FROM booking`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func live(t *testing.T, s *Store) int {
	t.Helper()
	n, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The log, which knows nothing of the barrier, says of each way how often
// something was committed.
func TestRuns(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a name with ? and % and #.db"))
	ctx := t.Context()
	do := func(key string) error { _, err := s.Do(ctx, key, book(key)); return err }
	undo := func(key string) error { return s.Undo(ctx, key, cancel(key)) }
	begin := func(key string) error { _, err := s.Begin(ctx, key); return err }
	done := func(key string) error { _, err := s.Done(ctx, key, agent.Result{}); return err }
	beginUndo := func(key string) error { _, err := s.BeginUndo(ctx, key); return err }
	undone := func(key string) error { return s.Undone(ctx, key, true) }
	failed := func(key string) error { return s.Failed(ctx, key) }
	for key, tc := range map[string]struct {
		calls []func(string) error
		want  Ran
	}{
		"done":             {[]func(string) error{do, do}, Ran{Forward: 1}},
		"undone":           {[]func(string) error{do, undo, undo, do}, Ran{Forward: 1, Back: 1}},
		"dead":             {[]func(string) error{undo, undo, do}, Ran{Buried: 1}},
		"outside":          {[]func(string) error{begin, begin, done, done, begin}, Ran{Forward: 1, Begun: 2}},
		"failed":           {[]func(string) error{begin, failed, begin, begin, failed}, Ran{Begun: 3}},
		"undone outside":   {[]func(string) error{begin, done, beginUndo, beginUndo, undone, undone}, Ran{Forward: 1, Back: 1, Begun: 1}},
		"unknown, undone":  {[]func(string) error{begin, beginUndo, undone, begin, done}, Ran{Back: 1, Begun: 1}},
		"dead before that": {[]func(string) error{beginUndo, begin, undone}, Ran{Buried: 1}},
	} {
		for _, call := range tc.calls {
			if err := call(key); err != nil && !errors.Is(err, agent.ErrDead) && !errors.Is(err, agent.ErrNothingFound) {
				t.Errorf("%s: %v", key, err)
			}
		}
		all, err := s.Runs(ctx)
		if err != nil || all[key] != tc.want {
			t.Errorf("%s: got %+v, want %+v, %v", key, all[key], tc.want, err)
		}
	}
}

func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(path, bookings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), "a", book("a")); err != nil {
		t.Error(err)
	}
	if err := s.Undo(t.Context(), "b", cancel("b")); !errors.Is(err, agent.ErrNothingFound) {
		t.Error(err)
	}
	if _, err := s.Begin(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	got, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Effect{
		{Key: "a", State: barrier.Done},
		{Key: "b", State: barrier.Dead},
		{Key: "c", State: barrier.Begun},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n, err := s.Live(t.Context()); err != nil || n != 2 {
		t.Errorf("%d live effects, %v", n, err)
	}
	if begun, err := s.List(t.Context(), barrier.Begun); err != nil || len(begun) != 1 || begun[0].Key != "c" {
		t.Errorf("begun: %+v, %v", begun, err)
	}
}

// Goroutines over two handles of one file, all wanting the same keys.
func TestConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	stores := []*Store{open(t, path), open(t, path)}
	const goroutines, keys = 8, 20
	results := make([][keys]string, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for k := range keys {
				key := fmt.Sprintf("k%d", (k+g*5)%keys)
				r, err := stores[g%2].Do(t.Context(), key, book(key))
				if err != nil {
					t.Error(err)
				}
				results[g][(k+g*5)%keys] = said(r)
			}
		})
	}
	wg.Wait()
	for g := range results {
		if results[g] != results[0] {
			t.Errorf("goroutine %d got %v, goroutine 0 got %v", g, results[g], results[0])
		}
	}
	if n := booked(t, stores[0]); n != keys {
		t.Errorf("%d rows, want %d", n, keys)
	}
}

// Who waits for the lock can give up; what it wanted did not happen.
func TestWaitingEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	a, b := open(t, path), open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	_, err := a.Do(t.Context(), "slow", func(*sql.Tx) (agent.Result, error) {
		got := make(chan error)
		go func() {
			_, err := b.Do(ctx, "k", book("k"))
			got <- err
		}()
		stop()
		if err := <-got; !errors.Is(err, context.Canceled) && !strings.Contains(fmt.Sprint(err), "interrupted") {
			t.Errorf("waiting ended with %v", err)
		}
		return agent.Result{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := booked(t, a); n != 0 {
		t.Errorf("%d rows, want 0", n)
	}
}

func TestOpenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder", "store.db")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "s.db"), "CREATE TABEL"); err == nil {
		t.Error("a schema with a mistake was accepted")
	}
}

func BenchmarkDo(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "store.db"), bookings)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprint(i)
		if _, err := s.Do(b.Context(), key, book(key)); err != nil {
			b.Fatal(err)
		}
	}
}
