package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
)

func TestInspect(t *testing.T) {
	log := brokertest.Open(t)
	require.NoError(t, log.Ensure(t.Context(), "trip"))

	site, err := log.Site(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, site.Version)
	require.Positive(t, site.RTT)

	streams, err := log.Streams(t.Context(), "trip")
	require.NoError(t, err)
	var names []string
	for _, s := range streams {
		names = append(names, s.Name)
		require.NoError(t, s.Broken)
		require.Less(t, s.Skew.Abs(), time.Second)
		require.Empty(t, s.Behind)
	}
	require.Equal(t, []string{"SAGA_trip", "OBJ_saga-trip", "TIMERS"}, names)

	_, err = log.Syncs(t.Context(), "")
	require.ErrorIs(t, err, broker.ErrUnknown)

	// To ask whether we may write writes nothing.
	require.NoError(t, log.May(t.Context(), "trip"))
	streams, err = log.Streams(t.Context(), "trip")
	require.NoError(t, err)
	require.Zero(t, streams[0].Messages)
}

func TestInspectAStreamThatIsNotSafe(t *testing.T) {
	log := brokertest.Open(t)
	js, err := jetstream.New(log.Conn())
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAGA_trip", Subjects: []string{"saga.trip.>"}, MaxAge: time.Hour})
	require.NoError(t, err)
	streams, err := log.Streams(t.Context(), "trip")
	require.NoError(t, err)
	require.Len(t, streams, 1)
	require.ErrorContains(t, streams[0].Broken, "max_age is 1h0m0s, want 0s")
}
