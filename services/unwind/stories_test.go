package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/broker"
	"github.com/unwind-saga/unwind/broker/brokertest"
	"github.com/unwind-saga/unwind/saga/sagatest"
)

// TestStoriesOnJetStream plays every story on the real broker, in virtual time.
// They come out as on the log in memory, but for the times: the broker's timers
// come a little late.
func TestStoriesOnJetStream(t *testing.T) {
	for _, story := range sagatest.Stories(t) {
		t.Run(story.Name, func(t *testing.T) {
			brokertest.Run(t, func(t *testing.T, log *broker.Log) {
				require.Equal(t, sagatest.Untimed(story.Want), sagatest.Untimed(sagatest.Tell(t, story, log)))
			})
		})
	}
}
