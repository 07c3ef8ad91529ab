package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/unwind/drill"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// The same faults, with nothing that recovers and with everything: what the
// first leaves behind the second doesn't. A profile that is harsher than the
// drill's own makes 200 applicants enough.
func TestDrill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	family, err := drill.Find("kyc", "..")
	require.NoError(t, err)
	report, err := drill.Run(ctx, family, drill.Config{
		Runs: 200, Faults: "testdata/harsh.yaml", Layers: []agent.Layers{agent.NoLayers, agent.AllLayers},
		// Calls are late here, and processes die, but no replica that lost its
		// lease goes on.
		Over: func(history []events.Event, s *saga.State) {
			assert.NoError(t, sagatest.Check(history, false), "saga %s\n%s", s.ID, sagatest.Transcript(history))
		},
	})
	require.NoError(t, err)
	require.Len(t, report.Rows, 2)
	none, all := report.Rows[0], report.Rows[1]
	t.Log("\n" + strings.Join(report.Lines(ink.Ink{}, 0), "\n"))

	assert.Greater(t, none.Left, 20, "without recovery, hardly anything was left behind: the drill shows nothing")
	assert.Greater(t, none.Deaths, 0, "nobody was killed")
	assert.Zero(t, none.Unended)

	assert.NoError(t, report.Err())
	for _, odd := range all.Odd {
		t.Errorf("saga %s, %s: %s, and there is %v", odd.Saga, odd.Status, odd.What, odd.Effects)
	}
	assert.Equal(t, 200, all.Completed+all.Undone)
	assert.Greater(t, all.Completed, none.Completed)
	assert.Greater(t, all.Undone, 5, "hardly anybody turned")
	require.NotNil(t, all.Recovery)
	assert.Less(t, all.Recovery.Median, 10.0)
	for _, kind := range []string{"lost_after", "undo_fail"} {
		assert.NotZero(t, all.Faults[kind], kind)
	}
}
