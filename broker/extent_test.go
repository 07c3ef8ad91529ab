package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/events"
)

// A store has a name as soon as there is something of ours in it, and keeps it when
// its server starts anew.
func TestStoreHasAName(t *testing.T) {
	folder := t.TempDir()
	server := brokertest.ServeAt(t, folder, broker.ServerConfig{DontListen: true})
	log := brokertest.Connect(t, server, broker.Config{})
	name, err := log.Store(t.Context())
	require.NoError(t, err)
	require.Empty(t, name)
	require.NoError(t, log.Ensure(t.Context(), "trip"))
	name, err = log.Store(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, name)
	log.Close()
	server.Shutdown()
	log = brokertest.Connect(t, brokertest.ServeAt(t, folder, broker.ServerConfig{DontListen: true}), broker.Config{})
	again, err := log.Store(t.Context())
	require.NoError(t, err)
	require.Equal(t, name, again)
}

// Where to read from is found by time, in virtual time.
func TestAt(t *testing.T) {
	brokertest.Run(t, func(t *testing.T, log *broker.Log) {
		ctx := context.Background()
		require.NoError(t, log.Ensure(ctx, "trip"))
		began := time.Now()
		seq, err := log.At(ctx, "trip", began)
		require.NoError(t, err)
		require.EqualValues(t, 1, seq)
		for _, id := range []string{"1", "2"} {
			time.Sleep(time.Minute)
			e, err := events.New(events.TaskSubject("trip", id), "test", events.Event{}, "a task")
			require.NoError(t, err)
			_, err = log.Append(ctx, e)
			require.NoError(t, err)
		}
		for after, want := range map[time.Duration]uint64{0: 1, 30 * time.Second: 1, 90 * time.Second: 2, time.Hour: 3} {
			seq, err := log.At(ctx, "trip", began.Add(after))
			require.NoError(t, err)
			require.Equal(t, want, seq, after)
		}
		_, err = log.At(ctx, "tripp", began)
		require.ErrorIs(t, err, events.ErrNoType)
	})
}
