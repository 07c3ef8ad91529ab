package ordertest

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/saga/agent"
	"github.com/unwind-saga/unwind/services/order/world"
)

// Suite tests what every agent with an effect promises: once for each key, undone
// for good, and never after it was undone. Done says whether a page has the effect,
// once.
func Suite(t *testing.T, d *Desk, begin func() agent.Task, done func(world.Page) bool) {
	there := func(t *testing.T, task agent.Task) {
		t.Helper()
		assert.True(t, done(d.Page(task)), "%s", d.Page(task))
	}
	nothing := func(t *testing.T, task agent.Task) {
		t.Helper()
		assert.True(t, d.Page(task).Nothing(), "%s", d.Page(task))
	}
	t.Run("performed again, it says the same and does nothing", func(t *testing.T) {
		task := begin()
		first, err := d.Perform(task)
		require.NoError(t, err)
		for task.Attempt = 2; task.Attempt < 4; task.Attempt++ {
			again, err := d.Perform(task)
			require.NoError(t, err)
			assert.JSONEq(t, first, again)
		}
		there(t, task)
	})
	t.Run("performed by several at once, it is done once", func(t *testing.T) {
		task := begin()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = d.Perform(task) }) // of two at once, one may be sent away
		}
		all.Wait()
		_, err := d.Perform(task)
		require.NoError(t, err)
		there(t, task)
	})
	t.Run("undone, nothing is left, and it stays so", func(t *testing.T) {
		task := begin()
		_, err := d.Perform(task)
		require.NoError(t, err)
		require.NoError(t, d.Undo(task))
		nothing(t, task)
		if err := d.Undo(task); !errors.Is(err, agent.ErrNothingFound) {
			require.NoError(t, err)
		}
		_, err = d.Perform(task)
		require.ErrorIs(t, err, agent.ErrDead)
		nothing(t, task)
	})
	t.Run("undone before it is performed, it is never done", func(t *testing.T) {
		task := begin()
		for range 2 {
			require.ErrorIs(t, d.Undo(task), agent.ErrNothingFound)
		}
		_, err := d.Perform(task)
		require.ErrorIs(t, err, agent.ErrDead)
		nothing(t, task)
	})
	t.Run("performed and undone at the same moment, nothing is left", func(t *testing.T) {
		for range 10 {
			task := begin()
			var both sync.WaitGroup
			both.Go(func() { _, _ = d.Perform(task) })
			both.Go(func() { _ = d.Undo(task) })
			both.Wait()
			if err := d.Undo(task); !errors.Is(err, agent.ErrNothingFound) {
				require.NoError(t, err)
			}
			nothing(t, task)
		}
	})
	t.Run("undoing one order leaves another alone", func(t *testing.T) {
		task, other := begin(), begin()
		_, err := d.Perform(task)
		require.NoError(t, err)
		require.ErrorIs(t, d.Undo(other), agent.ErrNothingFound)
		there(t, task)
	})
}
