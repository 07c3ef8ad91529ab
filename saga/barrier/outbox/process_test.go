package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/barrier/outbox"
	"github.com/unwind-saga/unwind/saga/barrier/pgtest"
)

// A process that is to be killed: a relay.
func TestRelayProcess(t *testing.T) {
	where := os.Getenv("OUTBOX_WORK")
	if where == "" {
		return // it is the others' child
	}
	log, err := broker.Connect(t.Context(), broker.Config{URL: os.Getenv("OUTBOX_BROKER")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	r := outbox.Relay{Batch: 10, Poll: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	if strings.HasPrefix(where, "postgres:") {
		err = postgres(t, where, outbox.Config{}).Relay(t.Context(), log, r)
	} else {
		err = sqlite(t, where, outbox.Config{}).Relay(t.Context(), log, r)
	}
	t.Fatal("it ended:", err)
}

// O1 to O3: relays are killed again and again while rows come in. Every task
// whose transaction was committed is in the log once, and no other.
func TestKilledRelays(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtest.Open(t)
		killRelays(t, postgres(t, dsn, outbox.Config{}), dsn)
	})
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "shop.db")
		killRelays(t, sqlite(t, file, outbox.Config{}), file)
	})
}

func killRelays[Tx any](t *testing.T, s shop[Tx], where string) {
	server := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{})
	log := brokertest.Connect(t, server, broker.Config{})
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var shops sync.WaitGroup
	var made atomic.Int64
	committed := make([]map[string]bool, 2)
	for n := range committed {
		committed[n] = map[string]bool{}
		shops.Go(func() {
			errUndecided := errors.New("the customer goes away")
			for i := 0; ctx.Err() == nil; i++ {
				for s.rows(t, "waiting") > 200 && ctx.Err() == nil {
					time.Sleep(time.Millisecond) // so that there is something to do for each relay, and not too much
				}
				id := fmt.Sprintf("shop-%d-order-%d", n, i)
				err := s.inside(context.Background(), func(tx Tx) error {
					if err := s.Put(context.Background(), tx, "order", id, []byte(`{"id": "`+id+`"}`)); err != nil {
						return err
					}
					if i%5 == 4 {
						return errUndecided
					}
					return nil
				})
				if err != nil && !errors.Is(err, errUndecided) && !strings.Contains(err.Error(), "database is locked") {
					t.Errorf("put %s: %v", id, err)
				}
				committed[n][id] = err == nil
				made.Add(1)
			}
		})
	}
	delivered := func() int64 {
		return made.Load()*4/5 - int64(s.rows(t, "waiting"))
	}
	const kills = 12
	var relays sync.WaitGroup
	for range 2 {
		relays.Go(func() {
			for range kills {
				process := start(t, where, server.ClientURL())
				if process == nil {
					return
				}
				// It is killed once somebody has delivered, somewhere in its work.
				before := delivered()
				for range 5000 {
					if delivered() > before {
						break
					}
					time.Sleep(time.Millisecond)
				}
				time.Sleep(rand.N(30 * time.Millisecond))
				_ = process.Process.Kill()
				_ = process.Wait()
			}
		})
	}
	relays.Wait()
	stop()
	shops.Wait()
	left := s.rows(t, "waiting")

	s.relay(t, log, outbox.Relay{})
	eventually(t, "all is delivered", func() bool { return s.rows(t, "waiting") == 0 })
	if n := s.rows(t, "aside"); n != 0 {
		rows, err := s.Aside(t.Context())
		t.Errorf("%d put aside: %+v, %v", n, rows, err)
	}
	there := map[string]int{}
	follow, enough := context.WithTimeout(t.Context(), patience)
	defer enough()
	want := 0
	for _, shop := range committed {
		for _, is := range shop {
			if is {
				want++
			}
		}
	}
	err := log.Follow(follow, "order", "", 0, func(e events.Event) error {
		if there[e.Subject.ID]++; len(there) >= want {
			enough()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, shop := range committed {
		for id, is := range shop {
			if n := there[id]; is && n != 1 || !is && n != 0 {
				t.Errorf("%s: committed %v, %d times in the log", id, is, n)
			}
		}
	}
	t.Logf("%d orders, %d committed, %d were left to the last relay after %d kills", made.Load(), want, left, 2*kills)
}

func start(t *testing.T, where, url string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelayProcess$")
	cmd.Env = append(os.Environ(), "OUTBOX_WORK="+where, "OUTBOX_BROKER="+url)
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	return cmd
}

// The broker and the database go away and come back, while rows come in.
func TestTheyComeBack(t *testing.T) {
	t.Run("the broker, postgres", func(t *testing.T) {
		brokerBack(t, postgres(t, pgtest.Open(t), outbox.Config{}))
	})
	t.Run("the broker, sqlite", func(t *testing.T) {
		brokerBack(t, sqlite(t, filepath.Join(t.TempDir(), "shop.db"), outbox.Config{}))
	})
	t.Run("the database", databaseBack)
}

func brokerBack[Tx any](t *testing.T, s shop[Tx]) {
	folder := t.TempDir()
	server := brokertest.ServeAt(t, folder, broker.ServerConfig{})
	var port int
	if _, err := fmt.Sscanf(server.ClientURL(), "nats://127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	log, err := broker.Connect(t.Context(), broker.Config{URL: server.ClientURL(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	stop := s.relay(t, log, outbox.Relay{Timeout: 100 * time.Millisecond})
	defer stop()
	for i, id := range ids(6) {
		if i == 2 {
			server.Shutdown()
		}
		if err := s.put(t, "order", id, `{}`); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			eventually(t, "it is delivered", func() bool { return s.rows(t, "waiting") == 0 })
		}
	}
	time.Sleep(500 * time.Millisecond) // for a few tries, in real time: the server is a real one
	if n := s.rows(t, "waiting"); n != 4 {
		t.Errorf("%d rows wait for the broker, want 4", n)
	}
	brokertest.ServeAt(t, folder, broker.ServerConfig{Port: port})
	eventually(t, "all is delivered", func() bool { return s.rows(t, "waiting") == 0 })
	if there := tasks(t, log, "order", ids(6)...); len(there) != 6 {
		t.Errorf("%d tasks, want 6", len(there))
	}
}

func databaseBack(t *testing.T) {
	folder, err := os.MkdirTemp("", "outbox-postgres-") // the user postgres can't reach t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	server, err := pgtest.Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	s := postgres(t, server.DSN(), outbox.Config{})
	log := brokertest.Open(t)
	if err := log.Ensure(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	stop := s.relay(t, log, outbox.Relay{Poll: time.Hour})
	defer stop()
	for _, id := range ids(3) {
		eventually(t, "it can be put", func() bool { return s.put(t, "order", id, `{}`) == nil })
		eventually(t, "it is delivered", func() bool { return len(tasks(t, log, "order", id)) == 1 })
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
