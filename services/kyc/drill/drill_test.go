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
	report := rows(t, drill.Config{
		Runs: 200, Faults: "testdata/harsh.yaml", Layers: []agent.Layers{agent.NoLayers, agent.AllLayers},
		// Calls are late here, and processes die, but no replica that lost its
		// lease goes on.
		Over: func(history []events.Event, s *saga.State) {
			assert.NoError(t, sagatest.Check(history, false), "saga %s\n%s", s.ID, sagatest.Transcript(history))
		},
	})
	none, all := report.Rows[0], report.Rows[1]
	assert.Greater(t, none.Left, 20, "without recovery, hardly anything was left behind: the drill shows nothing")
	assert.Greater(t, none.Deaths, 0, "nobody was killed")
	assert.Zero(t, none.Unended)

	clean(t, report, all)
	assert.Greater(t, all.Completed, none.Completed)
	assert.Greater(t, all.Undone, 5, "hardly anybody turned")
	for _, kind := range []string{"lost_after", "late", "undo_fail"} {
		assert.NotZero(t, all.Faults[kind], kind)
	}
}

// Whoever was paused acts late, when others have done its work, or undone it.
// The log refuses what it says; its own store refuses what it does.
func TestDrillPaused(t *testing.T) {
	report := rows(t, drill.Config{
		Runs: 150, Faults: "testdata/paused.yaml", Layers: []agent.Layers{agent.AllLayers},
		Over: func(history []events.Event, s *saga.State) {
			assert.NoError(t, sagatest.Check(history, true), "saga %s\n%s", s.ID, sagatest.Transcript(history))
		},
	})
	clean(t, report, report.Rows[0])
	assert.Greater(t, report.Rows[0].Faults["pause"], 5, "hardly anybody was paused")
}

func rows(t *testing.T, c drill.Config) drill.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	family, err := drill.Find("kyc", "..")
	require.NoError(t, err)
	report, err := drill.Run(ctx, family, c)
	require.NoError(t, err)
	require.Len(t, report.Rows, len(c.Layers))
	t.Log("\n" + strings.Join(report.Lines(ink.Ink{}, 0), "\n"))
	return report
}

// clean demands that everything ended, and that nothing is where it should not be.
func clean(t *testing.T, report drill.Report, all drill.Row) {
	t.Helper()
	assert.NoError(t, report.Err())
	for _, odd := range all.Odd {
		t.Errorf("saga %s, %s: %s, and there is %v", odd.Saga, odd.Status, odd.What, odd.Effects)
	}
	assert.Equal(t, all.Runs, all.Completed+all.Undone)
	require.NotNil(t, all.Recovery)
	assert.Less(t, all.Recovery.Median, 10.0)
}
