package client_test

import (
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

var byTrain = events.Answer{Outcome: events.OutcomeCompleted, By: "ada", Reason: "looked it up", Data: []byte(`"by train"`)}

func TestAPersonResolves(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.mails.Store(true)
		c.asks(t, "1")
		if err := c.answer("1", "plan", byTrain); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c.cast, "1"); s.Status() != saga.Completed || string(s.Step("plan").Done.Result) != `"by train"` {
			t.Errorf("it is %s", s.Status())
		}
		if e := c.find(t, "1", events.Answered); e.Source != "ada" || !strings.Contains(string(e.Data), "looked it up") {
			t.Errorf("the answer says %s, by %s", e.Data, e.Source)
		}
		want(t, c.answer("1", "plan", byTrain), client.ErrEnded, "it is completed since")
		late := byTrain
		late.Attempt = 2
		want(t, client.AnswerLate(c.ctx, c, "trip", "1", "plan", late), client.ErrAnswered, "desk has completed it")
	})
}

func TestAPersonRefuses(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.asks(t, "1")
		if err := c.answer("1", "plan", events.Answer{Outcome: events.OutcomeRefused, By: "ada", Reason: "no way leads there"}); err != nil {
			t.Fatal(err)
		}
		s := wait(t, c.cast, "1")
		if s.Status() != saga.Compensated || c.givenBack.Load() != 1 {
			t.Errorf("it is %s, %d seats were given back", s.Status(), c.givenBack.Load())
		}
		if s.Turn.Error.Message != "no way leads there" {
			t.Errorf("it turned because of %+v", s.Turn.Error)
		}
		want(t, c.answer("1", "plan", byTrain), client.ErrEnded, "if it was done all the same, say so with --late --attempt")
	})
}

func TestAPersonHandsBack(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.mails.Store(true)
		c.asks(t, "1")
		back := events.Answer{Outcome: events.OutcomeRetry, By: "ada", Next: "osrm"}
		want(t, c.answer("1", "plan", back), client.ErrBadAnswer, "hand it to one of desk, plan")
		c.plans.Store(true)
		back.Next = "plan"
		if err := c.answer("1", "plan", back); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c.cast, "1"); s.Status() != saga.Completed || s.Step("plan").Done.Agent != "plan" {
			t.Errorf("it is %s by %s", s.Status(), s.Step("plan").Done.Agent)
		}
	})
}

func TestAPersonAfterThePivot(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.plans.Store(true)
		submit(t, c.cast, "1")
		if s := wait(t, c.cast, "1"); s.Status() != saga.Stuck {
			t.Fatalf("it is %s", s.Status())
		}
		want(t, client.Cancel(c.ctx, c, "trip", "1", "ada", "changed her mind"), client.ErrCommitted, "its pivot, step pay, is done")
		want(t, c.answer("1", "mail", events.Answer{Outcome: events.OutcomeRefused}), client.ErrCommitted, "after the pivot pay")
		if n := len(c.kinds(t, "1")); n != 10 {
			t.Errorf("something was written: %v", c.kinds(t, "1"))
		}
		// Once more in vain, then by hand.
		if err := c.answer("1", "mail", events.Answer{Outcome: events.OutcomeRetry, By: "ada"}); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c.cast, "1"); s.Status() != saga.Stuck || len(s.Step("mail").Attempts) != 2 {
			t.Errorf("it is %s after %d attempts", s.Status(), len(s.Step("mail").Attempts))
		}
		if err := c.answer("1", "mail", events.Answer{Outcome: events.OutcomeCompleted, By: "ada", Reason: "sent a letter"}); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c.cast, "1"); s.Step("plan").Done == nil {
			t.Error("the last answer was not heard")
		}
	})
}

// Two persons answer at the same moment: one is heard, the other is told who was
// first, and nothing of the other's is written.
func TestAnswersRace(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.mails.Store(true)
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			c.asks(t, id)
			var people sync.WaitGroup
			errs := map[string]error{}
			var mu sync.Mutex
			for _, who := range []string{"ada", "bob"} {
				people.Go(func() {
					a := byTrain
					a.By = who
					err := c.answer(id, "plan", a)
					mu.Lock()
					errs[who] = err
					mu.Unlock()
				})
			}
			people.Wait()
			s := wait(t, c.cast, id)
			first, second := s.Step("plan").Answers[0].By, "ada"
			if first == "ada" {
				second = "bob"
			}
			if errs[first] != nil || len(s.Step("plan").Answers) != 1 {
				t.Errorf("saga %s: %s was first, and got %v; answers: %+v", id, first, errs[first], s.Step("plan").Answers)
			}
			if err := errs[second]; !errors.Is(err, client.ErrAnswered) && !errors.Is(err, client.ErrEnded) {
				t.Errorf("saga %s: %s was second, and got %v", id, second, err)
			} else if errors.Is(err, client.ErrAnswered) && !strings.Contains(err.Error(), first+" was first, at ") {
				t.Errorf("saga %s: %s is not told who was first: %v", id, second, err)
			}
		}
	})
}

// The second of two persons has read before the first one wrote: the slot is
// taken, and it is told who was first.
func TestAnswerIsTaken(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.asks(t, "1")
		before, err := c.History(c.ctx, "trip", "1", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.answer("1", "plan", byTrain); err != nil {
			t.Fatal(err)
		}
		no := events.Answer{Outcome: events.OutcomeRefused, By: "bob"}
		want(t, client.Answer(c.ctx, &behind{Log: c, once: before}, "trip", "1", "plan", no), client.ErrAnswered, "ada was first, at ")
		synctest.Wait()
		if n := slices.Index(c.kinds(t, "1"), "answered-2"); n >= 0 {
			t.Errorf("the second answer was written: %v", c.kinds(t, "1"))
		}
	})
}

// What was done although nobody waits for it any more is undone.
func TestAnswerLate(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.asks(t, "1")
		late := byTrain
		want(t, client.AnswerLate(c.ctx, c, "trip", "1", "plan", late), client.ErrBadAnswer, "it names no attempt")
		late.Attempt = 2
		want(t, client.AnswerLate(c.ctx, c, "trip", "1", "plan", late), client.ErrWaiting, "answer it")
		if err := client.Cancel(c.ctx, c, "trip", "1", "ada", "so"); err != nil {
			t.Fatal(err)
		}
		wait(t, c.cast, "1")
		before := c.deskUndo.Load()
		want(t, c.answer("1", "plan", late), client.ErrEnded, "--late")
		if err := client.AnswerLate(c.ctx, c, "trip", "1", "plan", late); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := c.deskUndo.Load(); n != before+1 {
			t.Errorf("it was undone %d times, and then %d times", before, n)
		}
		no := events.Answer{Outcome: events.OutcomeRefused, Attempt: 2}
		want(t, client.AnswerLate(c.ctx, c, "trip", "1", "plan", no), client.ErrBadAnswer, "nothing is left")
	})
}

// The saga turns between the look and the write: whoever answered is told.
func TestAnswerIsOvertaken(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.asks(t, "1")
		before, err := c.History(c.ctx, "trip", "1", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Cancel(c.ctx, c, "trip", "1", "bob", "so"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stale := &behind{Log: c, once: before}
		err = client.Answer(c.ctx, stale, "trip", "1", "plan", byTrain)
		if err == nil || !strings.Contains(err.Error(), "this happened just before your answer was written") {
			t.Errorf("Answer: %v", err)
		}
		synctest.Wait()
		if c.deskUndo.Load() != 2 {
			t.Errorf("what was done was undone %d times", c.deskUndo.Load())
		}
	})
}

// A latch that lands above the end counts for nothing, and whoever wrote it is
// told so.
func TestCancelIsOvertaken(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		submit(t, c, "1")
		wait(t, c, "1")
		history, err := c.History(c.ctx, "trip", "1", 0)
		if err != nil {
			t.Fatal(err)
		}
		stale := &behind{Log: c, once: history[:len(history)-1]}
		want(t, client.Cancel(c.ctx, stale, "trip", "1", "ada", "so"), client.ErrEnded, "it was completed just before")
		want(t, client.Cancel(c.ctx, c, "trip", "1", "ada", "so"), client.ErrEnded, "it is completed since")
	})
}

func TestAnswersAreRefused(t *testing.T) {
	playTour(t, func(t *testing.T, c *tour) {
		c.asks(t, "1")
		for name, r := range map[string]struct {
			id, step string
			a        events.Answer
			is       error
			says     string
		}{
			"no saga":        {"2", "plan", byTrain, client.ErrNoSaga, "hint: "},
			"no step":        {"1", "plam", byTrain, client.ErrNotWaiting, "its steps so far are seat, plan"},
			"done":           {"1", "seat", byTrain, client.ErrNotWaiting, "seat has completed it"},
			"of another":     {"1", "plan", events.Answer{Outcome: events.OutcomeCompleted, Attempt: 1}, client.ErrNotWaiting, "its last attempt is 2, by desk"},
			"of none":        {"1", "plan", events.Answer{Outcome: events.OutcomeCompleted, Attempt: 3}, client.ErrNotWaiting, ""},
			"no outcome":     {"1", "plan", events.Answer{}, client.ErrBadAnswer, `outcome ""`},
			"expired":        {"1", "plan", events.Answer{Outcome: events.OutcomeExpired}, client.ErrBadAnswer, "want completed"},
			"no JSON":        {"1", "plan", events.Answer{Outcome: events.OutcomeCompleted, Data: []byte("{")}, client.ErrBadAnswer, "not JSON"},
			"too large":      {"1", "plan", events.Answer{Outcome: events.OutcomeCompleted, Data: []byte(`"` + strings.Repeat("x", events.MaxPayload) + `"`)}, client.ErrBadAnswer, "524288 are allowed"},
			"refused result": {"1", "plan", events.Answer{Outcome: events.OutcomeRefused, Data: []byte("1")}, client.ErrBadAnswer, "only what is completed"},
			"next":           {"1", "plan", events.Answer{Outcome: events.OutcomeRefused, Next: "plan"}, client.ErrBadAnswer, "belong to"},
		} {
			t.Log(name)
			want(t, c.answer(r.id, r.step, r.a), r.is, r.says)
		}
		if e := c.kinds(t, "1"); e[len(e)-1] != "pending-2" {
			t.Errorf("something was written: %v", e)
		}
		// A person may hand it back eight times: the ninth answer is to be the last.
		again := events.Answer{Outcome: events.OutcomeRetry, Next: "plan"}
		for n := range events.MaxAnswer - 1 {
			if err := c.answer("1", "plan", again); err != nil {
				t.Fatalf("answer %d: %v", n+1, err)
			}
			wait(t, c.cast, "1")
		}
		want(t, c.answer("1", "plan", again), client.ErrAnswers, "unwind inbox resolve")
		c.mails.Store(true)
		if err := c.answer("1", "plan", byTrain); err != nil {
			t.Fatal(err)
		}
		if s := wait(t, c.cast, "1"); s.Status() != saga.Completed {
			t.Errorf("it is %s", s.Status())
		}
	})
}

// A callback that knows its attempt may be faster than the agent that says that
// it waits; a person who names none is told that somebody is at work.
func TestAnswerBeforeTheWait(t *testing.T) {
	play(t, func(t *testing.T, c *cast) {
		c.slow.Store(true)
		submit(t, c, "1")
		time.Sleep(time.Second)
		a := events.Answer{Outcome: events.OutcomeCompleted}
		want(t, client.Answer(c.ctx, c, "trip", "1", "card", a), client.ErrNotWaiting, "card is at work on it, attempt 1")
		a.Attempt = 1
		if err := client.Answer(c.ctx, c, "trip", "1", "card", a); err != nil {
			t.Fatal(err)
		}
		want(t, client.Answer(c.ctx, c, "trip", "1", "card", a), client.ErrAnswered, "was first")
	})
}
