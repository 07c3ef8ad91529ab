package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/client"
)

func submit(t *testing.T, c *cast, id string) {
	t.Helper()
	if _, err := client.Submit(c.ctx, c, "trip", id, []byte(`{}`), "shop"); err != nil {
		t.Fatal(err)
	}
}

func wait(t *testing.T, c *cast, id string) *saga.State {
	t.Helper()
	s, err := client.Wait(c.ctx, c, "trip", id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func want(t *testing.T, err, is error, says string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want %v with %q in it", err, is, says)
	}
}

func TestWait(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		submit(t, c, "good")
		if s := wait(t, c, "good"); s.Status() != saga.Completed {
			t.Errorf("good is %s", s.Status())
		}
		c.declines.Store(true)
		submit(t, c, "bad")
		if s := wait(t, c, "bad"); s.Status() != saga.Compensated || c.givenBack.Load() != 1 {
			t.Errorf("bad is %s, %d seats were given back", s.Status(), c.givenBack.Load())
		}
		c.holds.Store(true)
		submit(t, c, "stuck")
		if s := wait(t, c, "stuck"); s.Status() != saga.Stuck {
			t.Errorf("stuck is %s", s.Status())
		}
	})
}

func TestWaitIsPatientAndNoLonger(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		soon, cancel := context.WithTimeout(c.ctx, time.Second)
		defer cancel()
		if s, err := client.Wait(soon, c, "trip", "nobody"); s != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait for nobody: %v, %v", s, err)
		}
		c.slow.Store(true)
		submit(t, c, "slow")
		soon, cancel = context.WithTimeout(c.ctx, time.Second)
		defer cancel()
		s, err := client.Wait(soon, c, "trip", "slow")
		if !errors.Is(err, context.DeadlineExceeded) || s == nil || s.Status() != saga.Running {
			t.Errorf("Wait for slow: %v, %v", s, err)
		}
		_, err = client.Wait(c.ctx, c, "tripp", "1")
		want(t, err, events.ErrNoType, "there are trip")
		if s := wait(t, c, "slow"); s.Status() != saga.Completed {
			t.Errorf("slow is %s", s.Status())
		}
	})
}

func TestWatchShowsEachEvent(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		submit(t, c, "1")
		var seen []string
		_, err := client.Watch(c.ctx, c, "trip", "1", func(e events.Event, s *saga.State) error {
			if s.Seq != e.Seq {
				t.Errorf("event %d came with the state at %d", e.Seq, s.Seq)
			}
			seen = append(seen, e.Subject.Event())
			return nil
		})
		if err != nil || !slices.Equal(seen, c.kinds(t, "1")) {
			t.Errorf("Watch saw %v, %v", seen, err)
		}
		enough := errors.New("enough")
		if _, err = client.Watch(c.ctx, c, "trip", "1", func(events.Event, *saga.State) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("Watch: %v, want %v", err, enough)
		}
	})
}

func TestCancel(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		c.slow.Store(true)
		submit(t, c, "1")
		synctest.Wait()
		if err := client.Cancel(c.ctx, c, "trip", "1", "ada", "changed her mind"); err != nil {
			t.Fatal(err)
		}
		var turn events.Turn
		e := c.find(t, "1", events.Unwinding)
		if err := e.Unpack(&turn); err != nil || e.Source != "ada" || turn.By != "ada" ||
			turn.Reason != events.ReasonCancelled || turn.Error.Message != "changed her mind" {
			t.Errorf("the latch says %s, by %s, %v", e.Data, e.Source, err)
		}
		want(t, client.Cancel(c.ctx, c, "trip", "1", "bob", "too"), client.ErrTurned, "cancelled")
		if s := wait(t, c, "1"); s.Status() != saga.Compensated || c.givenBack.Load() != 1 {
			t.Errorf("it is %s, %d seats were given back", s.Status(), c.givenBack.Load())
		}
		want(t, client.Cancel(c.ctx, c, "trip", "1", "bob", "too"), client.ErrEnded, "compensated since")
		want(t, client.Cancel(c.ctx, c, "trip", "2", "bob", "too"), client.ErrNoSaga, "hint: ")
		want(t, client.Cancel(c.ctx, c, "tripp", "2", "bob", "too"), events.ErrNoType, "there are trip")
	})
}

// Two people cancel, and the saga completes, all at the same moment: exactly
// one of the three is first, whoever it is, and the others are told.
func TestCancelRaces(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			submit(t, c, id)
			var people sync.WaitGroup
			errs := make([]error, 2)
			for i := range errs {
				people.Go(func() { errs[i] = client.Cancel(c.ctx, c, "trip", id, "ada", "why not") })
			}
			people.Wait()
			s, done := wait(t, c, id), 0
			for _, err := range errs {
				switch {
				case err == nil:
					done++
				case !errors.Is(err, client.ErrTurned) && !errors.Is(err, client.ErrEnded):
					t.Error(err)
				}
			}
			if s.Turned() != (done == 1) {
				t.Errorf("saga %s: %d people turned it, and it turned: %v", id, done, s.Turned())
			}
		}
	})
}

func stuck(t *testing.T, c *cast) {
	t.Helper()
	c.declines.Store(true)
	c.holds.Store(true)
	submit(t, c, "1")
	if s := wait(t, c, "1"); s.Status() != saga.Stuck {
		t.Fatalf("it is %s, want it stuck", s.Status())
	}
}

func TestRedo(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		stuck(t, c)
		redo := func() error { return client.Redo(c.ctx, c, "trip", "1", "seat", "seat", "ada", "they answer again") }
		if err := redo(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := wait(t, c, "1"); s.Status() != saga.Stuck {
			t.Errorf("it is %s although the airline does not answer", s.Status())
		}
		c.holds.Store(false)
		if err := redo(); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c, "1"); s.Status() != saga.Compensated || c.givenBack.Load() != 1 {
			t.Errorf("it is %s, %d seats were given back", s.Status(), c.givenBack.Load())
		}
		// Something came too late: it can be asked again after the end, until
		// nine is full.
		for range events.MaxRedo - 2 {
			if err := redo(); err != nil {
				t.Fatal(err)
			}
		}
		want(t, redo(), client.ErrRedos, "unwind saga resolve")
		synctest.Wait()
		if n := c.givenBack.Load(); n != 1+events.MaxRedo-2 {
			t.Errorf("it was undone %d times", n)
		}
	})
}

func TestResolve(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		stuck(t, c)
		resolve := func() error { return client.Resolve(c.ctx, c, "trip", "1", "seat", "seat", "ada", "called them") }
		if err := resolve(); err != nil {
			t.Fatal(err)
		}
		// Nobody hears of it but the person: the end must be there already.
		if kinds := c.kinds(t, "1"); kinds[len(kinds)-1] != "compensated" {
			t.Errorf("nobody ended the saga: %v", kinds)
		}
		u := wait(t, c, "1").Step("seat").Undo("seat")
		if u.Done.By != "ada" || u.Done.Reason != "called them" {
			t.Errorf("it was undone by %+v", u.Done)
		}
		want(t, resolve(), client.ErrUndone, "by ada")
	})
}

func TestUndoingIsRefused(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		do := map[string]func(id, step, agent string) error{
			"Redo": func(id, step, agent string) error {
				return client.Redo(c.ctx, c, "trip", id, step, agent, "ada", "so")
			},
			"Resolve": func(id, step, agent string) error {
				return client.Resolve(c.ctx, c, "trip", id, step, agent, "ada", "so")
			},
		}
		submit(t, c, "done")
		wait(t, c, "done")
		c.slow.Store(true)
		submit(t, c, "forward")
		submit(t, c, "back")
		synctest.Wait()
		if err := client.Cancel(c.ctx, c, "trip", "back", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		for name, do := range do {
			t.Log(name)
			want(t, do("nobody", "seat", "seat"), client.ErrNoSaga, "")
			want(t, do("done", "seat", "seat"), client.ErrEnded, "it was completed")
			want(t, do("forward", "seat", "seat"), client.ErrForward, "unwind saga cancel trip forward")
			want(t, do("back", "sear", "seat"), client.ErrNotAsked, "its steps so far are seat, card")
			want(t, do("back", "seat", "seat"), client.ErrNotAsked, "when the steps that followed this one are undone")
		}
	})
}

// An agent that was at work when the saga turned, and never comes back, is in
// the way of everybody before it, until a person says what became of its work.
func TestResolveOfWhoNeverComesBack(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		c.slow.Store(true)
		submit(t, c, "1")
		synctest.Wait()
		if err := client.Cancel(c.ctx, c, "trip", "1", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		if err := client.Resolve(c.ctx, c, "trip", "1", "card", "card", "ada", "its machine burned"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := wait(t, c, "1"); s.Status() != saga.Compensated || c.givenBack.Load() != 1 {
			t.Errorf("it is %s, %d seats were given back", s.Status(), c.givenBack.Load())
		}
	})
}
