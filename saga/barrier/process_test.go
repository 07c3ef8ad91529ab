package barrier_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/barrier"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// workKeys is how many keys the processes fight over. Of every third one, the
// work is undone.
const workKeys = 120

func workKey(n int) string { return fmt.Sprintf("work-%03d", n) }
func undone(n int) bool    { return n%3 == 0 }

// A process that is to be killed: it does, and undoes, all there is, and says
// a line for each call.
func TestProcess(t *testing.T) {
	where := os.Getenv("BARRIER_WORK")
	if where == "" {
		return // it is the others' child
	}
	if dsn, ok := strings.CutPrefix(where, "postgres "); ok {
		level, dsn, _ := strings.Cut(dsn, "|")
		toil(t, postgresAt(t, dsn, barrier.Config{Isolation: pgx.TxIsoLevel(level), Tries: 1000}))
		return
	}
	toil(t, sqliteAt(t, where, barrier.Config{}))
}

func toil[Tx any](t *testing.T, d desk[Tx]) {
	ctx := t.Context()
	for _, n := range rand.Perm(2 * workKeys) {
		key := workKey(n % workKeys)
		var err error
		if n < workKeys {
			_, err = d.Do(ctx, key, d.effect(ctx, key))
		} else if undone(n % workKeys) {
			err = d.Undo(ctx, key, d.undoing(ctx, key))
		}
		if err != nil && !errors.Is(err, agent.ErrDead) && !errors.Is(err, agent.ErrNothingFound) {
			t.Errorf("%s: %v", key, err)
		}
		fmt.Println("did", n)
	}
}

// B4: processes that are killed in the middle leave nothing half.
func TestKilledProcesses(t *testing.T) {
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.Serializable} {
		t.Run("postgres "+string(level), func(t *testing.T) {
			dsn := pgtest.Open(t)
			d := postgresAt(t, dsn, barrier.Config{Isolation: level})
			kill(t, fmt.Sprintf("postgres %s|%s", level, dsn), func(ctx context.Context) {
				// And the server cuts connections off as it likes, at any
				// statement, the commit included.
				cutConnections(ctx, t, dsn)
			})
			settle(t, d)
		})
	}
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "agent.db")
		d := sqliteAt(t, file, barrier.Config{})
		kill(t, file, nil)
		settle(t, d)
	})
}

func kill(t *testing.T, where string, beside func(ctx context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	if beside != nil {
		wg.Go(func() { beside(ctx) })
	}
	var killed sync.WaitGroup
	for range 3 {
		killed.Go(func() {
			for range 8 {
				cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$", "-test.count=1")
				cmd.Env = append(os.Environ(), "BARRIER_WORK="+where)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Error(err)
					return
				}
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				lines := bufio.NewScanner(out)
				for range 1 + rand.IntN(2*workKeys) {
					if !lines.Scan() {
						break
					}
				}
				_ = cmd.Process.Kill() // it may have come to its end
				_ = cmd.Wait()
			}
		})
	}
	killed.Wait()
	stop()
	wg.Wait()
}

func cutConnections(ctx context.Context, t *testing.T, dsn string) {
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	cut := 0
	for ctx.Err() == nil {
		tag, err := conn.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1`)
		if err != nil {
			t.Error(err)
			return
		}
		cut += int(tag.RowsAffected())
		time.Sleep(time.Millisecond)
	}
	t.Logf("%d connections cut", cut)
}

// settle lets everything be called once more, by nobody who is killed, and
// looks at what there is.
func settle[Tx any](t *testing.T, d desk[Tx]) {
	t.Helper()
	ctx := t.Context()
	before := d.ran(t)
	for n := range workKeys {
		key := workKey(n)
		if _, err := d.Do(ctx, key, d.effect(ctx, key)); err != nil && !errors.Is(err, agent.ErrDead) {
			t.Errorf("do %s: %v", key, err)
		}
		if undone(n) {
			if err := d.Undo(ctx, key, d.undoing(ctx, key)); err != nil && !errors.Is(err, agent.ErrNothingFound) {
				t.Errorf("undo %s: %v", key, err)
			}
		}
	}
	after := d.ran(t)
	for n := range workKeys {
		key, want := workKey(n), 1
		if undone(n) {
			want = 0
		}
		if got := d.booked(t, key); got != want {
			t.Errorf("%s: %d rows, want %d", key, got, want)
		}
		if ran := after[key]; ran[0] > 1 || ran[1] > ran[0] {
			t.Errorf("%s: committed %d times, undone %d times", key, ran[0], ran[1])
		}
	}
	t.Logf("%d of %d keys were seen by those who were killed", len(before), workKeys)
}
