package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
)

// The tests here run this binary again, as other processes over one file: a
// goroutine cannot be killed with -9, and shares locks that processes do not.
func TestMain(m *testing.M) {
	if what := os.Getenv("STORE_TEST_PROCESS"); what != "" {
		if err := process(what, os.Getenv("STORE_TEST_FILE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const keys = 40

// process does or undoes all keys in an order of its own, and says each answer
// on a line: what it has said is acknowledged and must never be lost.
func process(what, path string) error {
	s, err := Open(path, bookings)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	if what == "stuck" {
		_, err := s.Do(ctx, "stuck", func(tx *sql.Tx) (agent.Result, error) {
			if _, err := book("stuck")(tx); err != nil {
				return agent.Result{}, err
			}
			fmt.Println("inside")
			time.Sleep(time.Hour)
			return agent.Result{}, nil
		})
		return err
	}
	for n := rand.IntN(3); ; n++ {
		for _, k := range rand.Perm(keys) {
			key := fmt.Sprint(k)
			if what == "both" {
				key = fmt.Sprintf("%d/%d", n, k)
			}
			if what == "undo" || what == "both" && rand.IntN(5) == 0 {
				err := s.Undo(ctx, key, cancel(key))
				if err != nil && !errors.Is(err, agent.ErrNothingFound) {
					return err
				}
				fmt.Println("undo", key, err == nil)
				continue
			}
			r, err := s.Do(ctx, key, book(key))
			switch {
			case err == nil:
				fmt.Println("do", key, said(r))
			case what == "share":
				return err
			case errors.Is(err, agent.ErrDead):
				fmt.Println("dead", key)
			default:
				return err
			}
		}
		if what != "both" {
			return nil
		}
	}
}

// What a process has said so far.
type speech struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *speech) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *speech) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for a number of lines, for a minute at most.
func (s *speech) until(lines int) {
	for end := time.Now().Add(time.Minute); strings.Count(s.String(), "\n") < lines && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func start(t *testing.T, what, path string) (*exec.Cmd, *speech) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "STORE_TEST_PROCESS="+what, "STORE_TEST_FILE="+path)
	var out speech
	c.Stdout, c.Stderr = &out, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return c, &out
}

// Several processes make the file at the same moment and want the same keys:
// none fails, each effect runs once, and all get its result.
func TestProcessesShareKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	const n = 6
	var commands [n]*exec.Cmd
	var outs [n]*speech
	for i := range n {
		commands[i], outs[i] = start(t, "share", path)
	}
	results := map[string]string{}
	for i := range n {
		if err := commands[i].Wait(); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
		for line := range strings.Lines(outs[i].String()) {
			f := strings.Fields(line)
			if was, ok := results[f[1]]; ok && was != f[2] {
				t.Errorf("key %s has two results: %s and %s", f[1], was, f[2])
			}
			results[f[1]] = f[2]
		}
	}
	s := open(t, path)
	if len(results) != keys || booked(t, s) != keys {
		t.Errorf("%d results and %d rows, want %d of each", len(results), booked(t, s), keys)
	}
	once(t, s)
}

// Doing and undoing race: whoever came first, nothing is left behind.
func TestProcessesUndo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	var commands []*exec.Cmd
	for _, what := range []string{"undo", "once", "once", "undo"} {
		c, _ := start(t, what, path)
		commands = append(commands, c)
	}
	for i, c := range commands {
		if err := c.Wait(); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	s := open(t, path)
	runs, err := s.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	undone := 0
	for _, r := range runs {
		undone += r.Back
	}
	t.Logf("%d keys: %d were undone, %d were dead before they were done", len(runs), undone, len(runs)-undone)
	for k := range keys {
		key := fmt.Sprint(k)
		var n int
		if err := s.DB().QueryRow(`SELECT count(*) FROM booking WHERE key = ?`, key).Scan(&n); err != nil || n != 0 {
			t.Errorf("key %s: %d rows left, %v", key, n, err)
		}
	}
	once(t, s)
}

// A process is killed inside of its effect: nothing of it is there, and the lock
// that it held is free.
func TestProcessKilledInside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "STORE_TEST_PROCESS=stuck", "STORE_TEST_FILE="+path)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_ = c.Process.Signal(syscall.SIGKILL)
	_ = c.Wait()
	if line != "inside\n" {
		t.Fatalf("it said %q, %v", line, err)
	}

	s := open(t, path)
	if n := booked(t, s); n != 0 || live(t, s) != 0 {
		t.Errorf("%d rows, %d live effects, want none", n, live(t, s))
	}
	if r, err := s.Do(t.Context(), "stuck", book("stuck")); err != nil || said(r) != "booking-1" {
		t.Errorf("got %v, %v", r, err)
	}
	once(t, s)
}

// Processes are killed with -9 wherever they happen to be. What one of them said
// was done is done, and rows and notes agree.
func TestProcessesKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "store.db")
	told := map[string]string{}
	killed := 0
	for range rounds {
		a, outA := start(t, "both", path)
		b, outB := start(t, "both", path)
		outA.until(1 + rand.IntN(2*keys))
		outB.until(1)
		for _, c := range []*exec.Cmd{a, b} {
			if err := c.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatalf("it ended by itself: %v", err)
			}
			_ = c.Wait()
			if c.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
				killed++
			}
		}
		for _, out := range []string{outA.String(), outB.String()} {
			lines := bufio.NewScanner(strings.NewReader(out))
			for lines.Scan() {
				f := strings.Fields(lines.Text())
				switch {
				case len(f) == 3 && f[0] == "do":
					if was := told[f[1]]; was != "" && was != f[2] && was != "dead" {
						t.Errorf("key %s has two results: %s and %s", f[1], was, f[2])
					}
					if told[f[1]] == "" {
						told[f[1]] = f[2]
					}
				case len(f) >= 2 && (f[0] == "undo" || f[0] == "dead"):
					told[f[1]] = "dead"
				}
			}
		}
	}
	if killed != 2*rounds || len(told) < keys {
		t.Fatalf("%d of %d were killed, %d keys were acknowledged: this proves nothing", killed, 2*rounds, len(told))
	}

	s := open(t, path)
	effects, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state, done := map[string]barrier.State{}, 0
	for _, e := range effects {
		state[e.Key] = e.State
		if e.State == barrier.Done {
			done++
		}
	}
	for key, what := range told {
		// What was said to be done may have been undone later, never the reverse.
		if st := state[key]; st != barrier.Dead && (what == "dead" || st != barrier.Done) {
			t.Errorf("key %s was acknowledged as %s and is %q", key, what, st)
		}
	}
	if n := booked(t, s); n != done {
		t.Errorf("%d rows, %d keys done", n, done)
	}
	var twice int
	if err := s.DB().QueryRow(`SELECT count(*) FROM (SELECT key FROM booking GROUP BY key HAVING count(*) > 1)`).Scan(&twice); err != nil || twice != 0 {
		t.Errorf("%d keys have two rows, %v", twice, err)
	}
	once(t, s)
	t.Logf("%d kills, %d keys acknowledged, %d done, %d dead", killed, len(told), done, len(effects)-done)
}

// once checks B1 and B2 in the log, and that the file is whole.
func once(t *testing.T, s *Store) {
	t.Helper()
	runs, err := s.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, r := range runs {
		if r.Forward > 1 || r.Back > 1 || r.Back > r.Forward {
			t.Errorf("key %s: %+v", key, r)
		}
	}
	var ok string
	if err := s.DB().QueryRow(`PRAGMA integrity_check`).Scan(&ok); err != nil || ok != "ok" {
		t.Errorf("integrity check: %s, %v", ok, err)
	}
}
