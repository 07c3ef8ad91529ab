package kyctest

import (
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/kyc/world"
)

// A Case is what an agent does, as far as the suite has to know.
type Case struct {
	Open    func(t testing.TB) *Desk
	Results map[string]any // of the steps before, about the person
	Person  world.Person   // whom the agent accepts
	Table   string         // of the agent's own, with a row for each effect; "": none
	There   map[string]int // effects beside the one in the agent's store
	Left    map[string]int // what no undoing can take back; nil: nothing
	Repeats bool           // attempts at the same moment may each have their effect
}

// Suite tests what every agent of the family promises: B1 to B3 of package
// barrier, for the agent's effects wherever they are.
func Suite(t *testing.T, c Case) {
	begin := func(t *testing.T) (*Desk, agent.Task) {
		d := c.Open(t)
		return d, d.Task("order-1", Payload(t, c.Person), c.Results)
	}
	// done and undone look at all of it, for one saga.
	done := func(t *testing.T, d *Desk) {
		t.Helper()
		want := maps.Clone(c.There)
		if want == nil {
			want = map[string]int{}
		}
		want[d.Config.Agent] = 1
		assert.Equal(t, want, d.There("order-1"))
		if c.Table != "" {
			assert.Equal(t, 1, d.Rows(c.Table), c.Table)
		}
		ran(t, d, 1)
	}
	undone := func(t *testing.T, d *Desk, left map[string]int) {
		t.Helper()
		if left == nil {
			left = map[string]int{}
		}
		assert.Equal(t, left, d.There("order-1"))
		if c.Table != "" {
			assert.Zero(t, d.Rows(c.Table), c.Table)
		}
	}
	undoneBefore := func(t *testing.T, d *Desk) {
		t.Helper()
		for range 2 {
			require.ErrorIs(t, d.Undo(t.Context(), "order-1"), agent.ErrNothingFound)
		}
	}

	t.Run("performed again, it says the same and does nothing", func(t *testing.T) {
		d, task := begin(t)
		first, err := d.Perform(t.Context(), task)
		require.NoError(t, err)
		for task.Attempt = 2; task.Attempt < 4; task.Attempt++ {
			again, err := d.Perform(t.Context(), task)
			require.NoError(t, err)
			assert.Equal(t, first, again)
		}
		done(t, d)
	})
	t.Run("performed by several at once, it is done once", func(t *testing.T) {
		d, task := begin(t)
		var all sync.WaitGroup
		results := make([]string, 3)
		for i := range results {
			all.Go(func() {
				var err error
				results[i], err = d.Perform(t.Context(), task)
				assert.NoError(t, err)
			})
		}
		all.Wait()
		for _, r := range results {
			assert.Equal(t, results[0], r)
		}
		if c.Repeats {
			ran(t, d, 1)
			return
		}
		done(t, d)
	})
	t.Run("undone, nothing is left, and it stays so", func(t *testing.T) {
		d, task := begin(t)
		_, err := d.Perform(t.Context(), task)
		require.NoError(t, err)
		require.NoError(t, d.Undo(t.Context(), "order-1"))
		undone(t, d, c.Left)
		if err := d.Undo(t.Context(), "order-1"); !errors.Is(err, agent.ErrNothingFound) {
			require.NoError(t, err)
		}
		undone(t, d, c.Left)
		_, err = d.Perform(t.Context(), task)
		require.ErrorIs(t, err, agent.ErrDead)
		undone(t, d, c.Left)
	})
	t.Run("undone before it is performed, it is never done", func(t *testing.T) {
		d, task := begin(t)
		undoneBefore(t, d)
		_, err := d.Perform(t.Context(), task)
		require.ErrorIs(t, err, agent.ErrDead)
		undone(t, d, nil)
		undoneBefore(t, d)
	})
	t.Run("undoing one saga leaves another alone", func(t *testing.T) {
		d, task := begin(t)
		_, err := d.Perform(t.Context(), task)
		require.NoError(t, err)
		require.ErrorIs(t, d.Undo(t.Context(), "order-2"), agent.ErrNothingFound)
		done(t, d)
	})
}

// ran demands that an effect was committed so often, and undone at most once.
func ran(t *testing.T, d *Desk, forward int) {
	t.Helper()
	runs, err := d.Store.Runs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, forward, runs[d.Key("order-1")].Forward, "how often it was done")
	assert.LessOrEqual(t, runs[d.Key("order-1")].Back, 1, "how often it was undone")
}
