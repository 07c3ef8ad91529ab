package index_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/services/unwind/index"
)

// The tests here run this binary again, as other processes over one file: a
// goroutine cannot be killed with -9.
func TestMain(m *testing.M) {
	if path := os.Getenv("INDEX_TEST_FILE"); path != "" {
		if err := process(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process catches up again and again.
func process(path string) error {
	index.SmallBatches(40)
	ctx := context.Background()
	log, err := broker.Connect(ctx, broker.Config{URL: os.Getenv("NATS_URL")})
	if err != nil {
		return err
	}
	x, err := index.Open(ctx, path)
	if err != nil {
		return err
	}
	for {
		if err := x.CatchUp(ctx, log, nil); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// write writes the beginnings of some sagas and the ends of others.
func write(t *testing.T, log events.Log, typ string, first, n int) {
	t.Helper()
	say := func(at events.Subject, id int, data any) {
		at.Type, at.ID = typ, fmt.Sprint(id)
		e, err := events.New(at, "test", events.Event{}, data)
		require.NoError(t, err)
		_, err = log.Append(t.Context(), e)
		require.NoError(t, err)
	}
	for id := first; id < first+n; id++ {
		say(events.Subject{Kind: events.Submitted}, id, "a task")
		say(events.Subject{Step: "seat", Kind: events.Started}, id, events.Claim{Agent: "seat", Cause: events.CauseTask})
		// What one process has begun to read, another goes on with.
		if old := id - 30; old >= 0 && old%3 > 0 {
			say(events.Subject{Step: "seat", Kind: events.Completed}, old, events.Done{Agent: "seat", Attempt: 1})
		}
		if old := id - 130; old >= 0 && old%3 > 1 {
			say(events.Subject{Kind: events.SagaCompleted}, old, events.End{})
		}
	}
}

func begin(t *testing.T, url, path string) *exec.Cmd {
	t.Helper()
	me, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(me)
	c.Env = append(os.Environ(), "INDEX_TEST_FILE="+path, "NATS_URL="+url)
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	return c
}

// TestManyProcesses has two others catch up into one file beside this one, and
// kills one of them whenever it has done a little: nothing is lost, and nothing is
// there twice.
func TestManyProcesses(t *testing.T) {
	defer index.SmallBatches(40)()
	server := brokertest.ServeAt(t, t.TempDir(), broker.ServerConfig{})
	require.NotEmpty(t, server.ClientURL())
	log := brokertest.Connect(t, server, broker.Config{})
	require.NoError(t, log.Ensure(t.Context(), "trip"))
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := index.Open(t.Context(), path)
	require.NoError(t, err)
	defer x.Close()
	steady := begin(t, server.ClientURL(), path)
	killed := begin(t, server.ClientURL(), path)
	for round := range 8 {
		write(t, log, "trip", round*60, 60)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // real processes: there is no virtual time
		require.NoError(t, killed.Process.Kill())
		err := killed.Wait()
		exit, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok && exit.ExitCode() == -1, "it ended by itself: %v", err)
		killed = begin(t, server.ClientURL(), path)
		require.NoError(t, x.CatchUp(t.Context(), log, nil))
		agree(t, x, log, "trip")
	}
	for _, c := range []*exec.Cmd{steady, killed} {
		require.NoError(t, c.Process.Kill())
		_ = c.Wait()
	}
}

// TestAnotherStream: what was known of a stream is forgotten when it is made anew, or
// is gone, and when the file is of another version.
func TestAnotherStream(t *testing.T) {
	server := brokertest.Serve(t)
	log := brokertest.Connect(t, server, broker.Config{})
	for _, typ := range []string{"trip", "other"} {
		require.NoError(t, log.Ensure(t.Context(), typ))
		write(t, log, typ, 0, 40)
	}
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := index.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, x.CatchUp(t.Context(), log, nil))
	agree(t, x, log, "trip")

	remove(t, log, "trip")
	remove(t, log, "other")
	require.NoError(t, log.Ensure(t.Context(), "trip"))
	write(t, log, "trip", 1000, 60) // more events than there were
	require.NoError(t, x.CatchUp(t.Context(), log, nil))
	agree(t, x, log, "trip")
	types, err := x.Types(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"trip"}, types)
	x.Close()

	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	_, err = db.Exec(`PRAGMA user_version = 999; DROP TABLE place`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	x, err = index.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, x.CatchUp(t.Context(), log, nil))
	agree(t, x, log, "trip")
	x.Close()
}

func remove(t *testing.T, log *broker.Log, typ string) {
	t.Helper()
	_, err := log.Conn().Request("$JS.API.STREAM.DELETE.SAGA_"+typ, nil, 5*time.Second)
	require.NoError(t, err)
}

// TestGivenUp stops in the middle: what was read stays, and the next goes on.
func TestGivenUp(t *testing.T) {
	defer index.SmallBatches(10)()
	log := brokertest.Connect(t, brokertest.Serve(t), broker.Config{})
	require.NoError(t, log.Ensure(t.Context(), "trip"))
	write(t, log, "trip", 0, 60)
	x, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	require.NoError(t, err)
	defer x.Close()
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, x.CatchUp(ctx, log, func(read, _ uint64) {
		if read >= 50 {
			cancel()
		}
	}), context.Canceled)
	some, err := x.Find(t.Context(), index.Query{})
	require.NoError(t, err)
	require.NotEmpty(t, some)
	first := uint64(0)
	require.NoError(t, x.CatchUp(t.Context(), log, func(_, missing uint64) {
		if first == 0 {
			first = missing
		}
	}))
	require.Less(t, first, uint64(160), "it began from the start")
	agree(t, x, log, "trip")
}
