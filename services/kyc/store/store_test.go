package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
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

func book(key string) func(*sql.Tx) ([]byte, error) {
	return func(tx *sql.Tx) ([]byte, error) {
		r, err := tx.Exec(`INSERT INTO booking (key) VALUES (?)`, key)
		if err != nil {
			return nil, err
		}
		id, err := r.LastInsertId()
		return fmt.Appendf(nil, "booking-%d", id), err
	}
}

func cancel(key string) func(*sql.Tx, []byte) error {
	return func(tx *sql.Tx, _ []byte) error {
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

// Each story is a sequence of calls on one key and what each must answer.
func TestBarrier(t *testing.T) {
	for _, tc := range []struct {
		name  string
		story string
		live  int
	}{
		{"a duplicate gets the first result", "do=booking-1 do=booking-1", 1},
		{"undone", "do=booking-1 undo=true", 0},
		{"undone twice", "do=booking-1 undo=true undo=true", 0},
		{"done after it was undone", "do=booking-1 undo=true do=dead", 0},
		{"undone before it was done", "undo=false do=dead undo=false", 0},
		{"a failed effect leaves no trace", "fail=failed do=booking-1", 1},
		{"a panic leaves no trace", "panic=panicked do=booking-1", 1},
		{"a failed undoing leaves the effect", "do=booking-1 undofail=failed do=booking-1 undo=true", 0},

		{"two phases", "begin= done=r begin=done done=r", 1},
		{"the first result stays", "begin= done=r done2=r", 1},
		{"begun and left", "begin= begin=begun", 1},
		{"a try that failed is forgotten", "begin= failed= begin= failed=", 0},
		{"one try failed, one unknown", "begin= begin=begun failed= begin=begun", 1},
		{"failed has no power over what is done", "begin= done=r failed= begin=done", 1},
		{"two phases undone", "begin= done=r beginundo=done undone= begin=dead done=dead beginundo=dead", 0},
		{"an unknown one is undone", "begin= beginundo=begun undone= beginundo=dead", 0},
		{"undone under a running effect", "begin= beginundo=begun done=dead undone=", 0},
		{"undoing was cut short", "begin= done=r beginundo=done beginundo=undoing begin=dead", 1},
		{"undone before it was begun", "beginundo= begin=dead undone=", 0},
		{"the second phase alone", "done=notbegun undone=notbegun failed=", 0},
		{"looking changes nothing", "look= begin= look=begun look=begun done=r look=done beginundo=done look=undoing undone= look=dead", 0},
		{"the forms do not mix", "begin= do=begun undo=begun", 1},
		{"what was done in one phase can be undone in two", "do=booking-1 beginundo=done undone= do=dead", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "store.db"))
			for i, line := range strings.Fields(tc.story) {
				call, want, _ := strings.Cut(line, "=")
				if got := perform(t, s, call, "k"); got != want {
					t.Fatalf("call %d, %s: got %q, want %q", i+1, call, got, want)
				}
			}
			if n := live(t, s); n != tc.live {
				t.Errorf("%d live effects, want %d", n, tc.live)
			}
			runs, err := s.Runs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r := runs["k"]; r.Forward > 1 || r.Back > 1 {
				t.Errorf("ran more than once: %+v", r)
			}
		})
	}
}

func perform(t *testing.T, s *Store, call, key string) (answer string) {
	t.Helper()
	ctx, errFailed := t.Context(), errors.New("failed")
	var err error
	defer func() {
		switch {
		case recover() != nil:
			answer = "panicked"
		case errors.Is(err, ErrDead):
			answer = "dead"
		case errors.Is(err, ErrBegun):
			answer = "begun"
		case errors.Is(err, ErrNotBegun):
			answer = "notbegun"
		case errors.Is(err, errFailed):
			answer = "failed"
		case err != nil:
			t.Fatal(err)
		}
	}()
	var result []byte
	var was Effect
	var found bool
	switch call {
	case "do":
		result, err = s.Do(ctx, key, book(key))
		return string(result)
	case "fail", "panic":
		_, err = s.Do(ctx, key, func(tx *sql.Tx) ([]byte, error) {
			if _, err := book(key)(tx); err != nil {
				return nil, err
			}
			if call == "panic" {
				panic("effect")
			}
			return nil, errFailed
		})
	case "undo":
		found, err = s.Undo(ctx, key, cancel(key))
		return fmt.Sprint(found)
	case "undofail":
		_, err = s.Undo(ctx, key, func(tx *sql.Tx, result []byte) error {
			return errors.Join(cancel(key)(tx, result), errFailed)
		})
	case "begin":
		was, err = s.Begin(ctx, key)
		return string(was.State)
	case "done", "done2":
		r := "r"
		if call == "done2" {
			r = "another"
		}
		result, err = s.Done(ctx, key, []byte(r))
		return string(result)
	case "failed":
		err = s.Failed(ctx, key)
	case "beginundo":
		was, err = s.BeginUndo(ctx, key)
		return string(was.State)
	case "undone":
		err = s.Undone(ctx, key, true)
	case "look":
		was, err = s.Look(ctx, key)
		return string(was.State)
	default:
		t.Fatalf("no call %q", call)
	}
	return ""
}

// An effect and its note are one: the caller's rows follow.
func TestRowsFollow(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a name with ? and % and #.db"))
	for call, want := range map[string]int{"fail": 0, "panic": 0} {
		perform(t, s, call, call)
		if n := booked(t, s); n != want {
			t.Errorf("after %s: %d rows, want %d", call, n, want)
		}
	}
	perform(t, s, "do", "k")
	perform(t, s, "do", "k")
	perform(t, s, "undofail", "k")
	if n := booked(t, s); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	perform(t, s, "undo", "k")
	if n := booked(t, s); n != 0 {
		t.Errorf("%d rows, want 0", n)
	}
}

func TestUndoGetsTheResult(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	perform(t, s, "do", "k")
	_, err := s.Undo(t.Context(), "k", func(_ *sql.Tx, result []byte) error {
		if string(result) != "booking-1" {
			t.Errorf("result %q", result)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := Open(path, bookings)
	if err != nil {
		t.Fatal(err)
	}
	perform(t, s, "do", "a")
	perform(t, s, "undo", "b")
	perform(t, s, "begin", "c")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	got, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i].At == "" {
			t.Errorf("no time on %+v", got[i])
		}
		got[i].At = ""
	}
	want := []Effect{
		{Key: "a", State: Done, Result: []byte("booking-1")},
		{Key: "b", State: Dead},
		{Key: "c", State: Begun, Tries: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if begun, err := s.List(t.Context(), Begun); err != nil || len(begun) != 1 || begun[0].Key != "c" {
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
				results[g][(k+g*5)%keys] = string(r)
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
	_, err := a.Do(t.Context(), "slow", func(*sql.Tx) ([]byte, error) {
		got := make(chan error)
		go func() {
			_, err := b.Do(ctx, "k", book("k"))
			got <- err
		}()
		stop()
		if err := <-got; !errors.Is(err, context.Canceled) && !strings.Contains(fmt.Sprint(err), "interrupted") {
			t.Errorf("waiting ended with %v", err)
		}
		return nil, nil
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
