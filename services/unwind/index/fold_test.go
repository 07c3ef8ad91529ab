package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/unwind/index"
)

// histories plays every story.
func histories(t *testing.T) (all [][]events.Event) {
	for _, story := range sagatest.Stories(t) {
		synctest.Test(t, func(t *testing.T) {
			log := eventtest.NewLog()
			defer log.Close()
			sagatest.Tell(t, story, log)
			history, err := log.History(t.Context(), "story", "1", 0)
			require.NoError(t, err)
			all = append(all, history)
		})
	}
	return all
}

// garble makes a history that nobody meant: events are missing, come twice over
// under other numbers, or too early or too late.
func garble(r *rand.Rand, history []events.Event) []events.Event {
	h := slices.Clone(history)
	for range 1 + r.IntN(3) {
		i, j := r.IntN(len(h)), r.IntN(len(h))
		switch r.IntN(4) {
		case 0:
			if len(h) > 1 {
				h = slices.Delete(h, i, i+1)
			}
		case 1, 2:
			e := h[i]
			h = slices.Insert(slices.Delete(h, i, i+1), min(j, len(h)-1), e)
		default:
			late := []events.Subject{
				{Kind: events.Unwinding}, {Kind: events.SagaCompleted}, {Kind: events.SagaCompensated},
				{Step: "a", Kind: events.Answered, N: 1}, {Step: "a", Kind: events.Started},
			}[r.IntN(5)]
			e, err := events.New(late, "somebody", events.Event{}, map[string]any{"agent": "a", "reason": "cancelled"})
			if err == nil {
				e.Subject = late
				h = slices.Insert(h, j, e)
			}
		}
	}
	return h
}

// TestItSaysWhatTheFoldSays writes the histories of all stories, and of what can be
// made of them by accident, an event of each in turn; after each turn the index says
// of every saga what its fold says, whether it kept what came before in mind or is
// opened anew.
func TestItSaysWhatTheFoldSays(t *testing.T) {
	began := time.Now()
	all := histories(t)
	t.Logf("%d stories in %s", len(all), time.Since(began))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, h := range slices.Clone(all) {
		all = append(all, garble(r, h))
	}
	defer index.SmallBatches(50)()
	ctx := t.Context()
	log := eventtest.NewLog()
	defer log.Close()
	require.NoError(t, log.Ensure(ctx, "story"))
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := index.Open(ctx, path)
	require.NoError(t, err)
	defer func() { x.Close() }()
	for k, more := 0, true; more; k++ {
		more = false
		for i, h := range all {
			if k >= len(h) {
				continue
			}
			more = true
			e := h[k]
			e.Subject.Type, e.Subject.ID = "story", fmt.Sprint(i)
			header, body := events.Encode(e)
			// A slot that is taken is taken: then the story goes without.
			_ = log.PublishRaw(ctx, e.Subject.String(), header, body)
		}
		if k%3 == 2 { // it forgets what it had in mind
			x.Close()
			x, err = index.Open(ctx, path)
			require.NoError(t, err)
		}
		require.NoError(t, x.CatchUp(ctx, log, nil))
		agree(t, x, log, "story")
	}
}

// agree holds the index against the fold of each saga.
func agree(t *testing.T, x *index.Index, log events.Log, typ string) {
	t.Helper()
	ctx := context.Background()
	ids := map[string]bool{}
	require.NoError(t, log.Scan(ctx, typ, func(e events.Event) error { ids[e.Subject.ID] = true; return nil }))
	found, err := x.Find(ctx, index.Query{Types: []string{typ}})
	require.NoError(t, err)
	require.Len(t, found, len(ids))
	tally := map[saga.Status]int{}
	for _, got := range found {
		tally[got.Status]++
		history, err := log.History(ctx, typ, got.ID, 0)
		require.NoError(t, err)
		last := history[len(history)-1]
		want := index.Saga{
			Type: typ, ID: got.ID, Status: index.Unreadable, Began: history[0].Time.UTC(), Changed: last.Time.UTC(),
			Events: len(history), Seq: last.Seq, Person: true,
		}
		s, err := saga.Fold(history)
		if err == nil {
			want.Status, want.Person = s.Status(), len(client.ItemsOf(s)) > 0
			if !s.Ended() && !s.Turned() && s.Committed == nil && s.Status() != saga.Rejected {
				want.Deadline = s.Deadline.UTC()
			}
			for _, st := range s.Steps {
				want.Attempts += len(st.Attempts)
				if s.Status() == saga.Running && st.Status(s) == saga.StepRetrying {
					want.Status = index.Retrying
				}
			}
			require.Equal(t, s.Turned(), got.Turned != nil, got.ID)
			require.True(t, !s.Ended() || len(got.At) == 0, got.ID)
		}
		got.At, got.Error, got.Turned = nil, nil, nil
		got.Began, got.Changed, got.Deadline = got.Began.Round(0), got.Changed.Round(0), got.Deadline.Round(0)
		want.Began, want.Changed, want.Deadline = want.Began.Round(0), want.Changed.Round(0), want.Deadline.Round(0)
		require.Equal(t, want, got, "saga %s", got.ID)
	}
	counted, err := x.Tally(ctx, typ)
	require.NoError(t, err)
	require.Equal(t, tally, counted)
}
