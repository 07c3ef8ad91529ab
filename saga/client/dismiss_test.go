package client_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga/client"
)

func TestDismiss(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		drop := events.Dismissal{By: "ada", Reason: "she flies elsewhere", As: events.Dropped}
		c.declines.Store(true)
		submit(t, c, "1")
		synctest.Wait()
		if err := client.Dismiss(c.ctx, c, "trip", "1", drop); err != nil {
			t.Fatal(err)
		}
		s, _, err := client.Load(c.ctx, c, "trip", "1", 0)
		if err != nil || s.Dismissed == nil || s.Dismissed.Dismissal != drop || s.Status() != "compensated" {
			t.Errorf("%+v, %v", s.Dismissed, err)
		}
		if err := client.Dismiss(c.ctx, c, "trip", "1", drop); !errors.Is(err, client.ErrDismissed) {
			t.Errorf("a second time: %v", err)
		}
		c.declines.Store(false)
		submit(t, c, "2")
		synctest.Wait()
		if err := client.Dismiss(c.ctx, c, "trip", "2", drop); !errors.Is(err, client.ErrEnded) {
			t.Errorf("of a saga that completed: %v", err)
		}
		c.slow.Store(true)
		submit(t, c, "3")
		synctest.Wait()
		if err := client.Dismiss(c.ctx, c, "trip", "3", drop); !errors.Is(err, client.ErrRuns) {
			t.Errorf("of a saga that goes on: %v", err)
		}
		if err := client.Dismiss(c.ctx, c, "trip", "4", drop); !errors.Is(err, client.ErrNoSaga) {
			t.Errorf("of no saga: %v", err)
		}
	})
}
